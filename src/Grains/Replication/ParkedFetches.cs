namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// A fetch that waits for more bytes. It is parked on every partition it asks for, and hears of each whose readable
/// end moved or which went away.
/// </summary>
public abstract class ParkedFetch : Deadline
{
    /// <summary>
    /// Called by the replica's writer after its readable end moved. It may be called after the fetch was answered,
    /// and by several replicas at once. Must not block or throw.
    /// </summary>
    protected internal abstract void OnNews();
}

/// <summary>The place of one parked fetch in the list of one partition.</summary>
public sealed class ParkingPlace(ParkedFetch fetch)
{
    internal readonly ParkedFetch Fetch = fetch;
    internal ParkingPlace? Previous;
    internal ParkingPlace? Next;
    internal bool IsParked;
}

/// <summary>The fetches that wait for one partition: a linked list, so that leaving costs no search.</summary>
internal sealed class ParkedFetches
{
    private readonly Lock _lock = new();
    private ParkingPlace? _first;
    private int _count;

    public void Park(ParkingPlace place)
    {
        lock (_lock)
        {
            place.Next = _first;
            if (_first is not null)
            {
                _first.Previous = place;
            }

            _first = place;
            place.IsParked = true;
            _count++;
        }
    }

    public void Leave(ParkingPlace place)
    {
        lock (_lock)
        {
            if (!place.IsParked)
            {
                return;
            }

            if (place.Previous is not null)
            {
                place.Previous.Next = place.Next;
            }
            else
            {
                _first = place.Next;
            }

            if (place.Next is not null)
            {
                place.Next.Previous = place.Previous;
            }

            place.Previous = null;
            place.Next = null;
            place.IsParked = false;
            _count--;
        }
    }

    /// <summary>Tells everybody. The list is copied first: who hears the news leaves the list meanwhile.</summary>
    public void Wake(List<ParkedFetch> scratch)
    {
        if (Volatile.Read(ref _count) == 0)
        {
            return;
        }

        lock (_lock)
        {
            for (ParkingPlace? place = _first; place is not null; place = place.Next)
            {
                scratch.Add(place.Fetch);
            }
        }

        foreach (ParkedFetch fetch in scratch)
        {
            fetch.OnNews();
        }

        scratch.Clear();
    }
}
