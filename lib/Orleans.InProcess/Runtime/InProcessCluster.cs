using System.Collections.Concurrent;
using System.Collections.Immutable;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Orleans.InProcess;

/// <summary>
/// What the silos of one cluster share: the directory of activations, the membership, the clock. Hosts that are given
/// the same instance form a cluster; a host that is given none is a cluster of its own.
/// </summary>
public sealed class InProcessCluster : IClusterMembershipService
{
    internal const int MaxForwards = 2;

    private readonly ConcurrentDictionary<(GrainClass Class, string Key), Activation> _activations = new();
    private readonly Lock _membershipLock = new();
    private readonly MembershipStream _membership = new(new ClusterMembershipSnapshot(
        ImmutableDictionary<SiloAddress, ClusterMember>.Empty, new MembershipVersion(0)));

    private ImmutableDictionary<SiloAddress, Silo> _silos = ImmutableDictionary<SiloAddress, Silo>.Empty;
    private volatile Silo[] _active = [];
    private uint _turn;
    private int _lastGeneration;
    private int _lastActivation;

    /// <summary>Makes a cluster without silos.</summary>
    public InProcessCluster(TimeProvider? timeProvider = null, TurnDispatcher? dispatcher = null)
    {
        TimeProvider = timeProvider ?? TimeProvider.System;
        Dispatcher = dispatcher ?? TurnDispatcher.ThreadPool;
        Timeouts = new RequestTimeouts(this);
    }

    /// <inheritdoc/>
    public ClusterMembershipSnapshot CurrentSnapshot => _membership.Newest;

    /// <inheritdoc/>
    public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => _membership.ReadAsync();

    internal TimeProvider TimeProvider { get; }

    internal TurnDispatcher Dispatcher { get; }

    internal RequestTimeouts Timeouts { get; }

    internal TimeSpan ResponseTimeout { get; private set; } = new SiloMessagingOptions().ResponseTimeout;

    internal int QueueLimit { get; private set; }

    internal IEnumerable<Activation> Activations => _activations.Select(pair => pair.Value);

    internal IReadOnlyList<Silo> ActiveSilos => _active;

    /// <inheritdoc/>
    public ValueTask Refresh(
        MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) =>
        CurrentSnapshot.Version >= minimumVersion
            ? ValueTask.CompletedTask
            : new ValueTask(WaitForAsync(minimumVersion, cancellationToken));

    /// <inheritdoc/>
    public Task<bool> TryKill(SiloAddress siloAddress)
    {
        if (!_silos.TryGetValue(siloAddress, out var silo))
        {
            return Task.FromResult(false);
        }

        Kill(silo);
        return Task.FromResult(true);
    }

    internal long DeadlineAfter(TimeSpan timeout) =>
        TimeProvider.GetTimestamp() + (long)(timeout.TotalSeconds * TimeProvider.TimestampFrequency);

    /// <summary>Gives a starting silo an address that no silo of this cluster has had.</summary>
    internal SiloAddress NewAddress(System.Net.IPAddress ip, int port)
    {
        lock (_membershipLock)
        {
            while (_silos.Keys.Any(known => known.Endpoint.Port == port && known.Endpoint.Address.Equals(ip)
                && _membership.Newest.GetSiloStatus(known) != SiloStatus.Dead))
            {
                port++;
            }

            var sinceOrigin = (TimeProvider.GetUtcNow() - new DateTimeOffset(2010, 1, 1, 0, 0, 0, TimeSpan.Zero)).TotalSeconds;
            _lastGeneration = Math.Max(_lastGeneration + 1, (int)sinceOrigin);
            return SiloAddress.New(ip, port, _lastGeneration);
        }
    }

    internal ActivationId NewActivationId() =>
        new(new Guid(Interlocked.Increment(ref _lastActivation), 0, 0, new byte[8]));

    internal void SetStatus(Silo silo, SiloStatus status)
    {
        Silo[] before;
        lock (_membershipLock)
        {
            before = _active;
            ResponseTimeout = silo.Options.ResponseTimeout;
            QueueLimit = silo.Options.QueueLimit;
            silo.Status = status;
            _silos = _silos.SetItem(silo.SiloAddress, silo);
            _active = [.. _silos.Values.Where(s => s.Status == SiloStatus.Active).OrderBy(s => s.SiloAddress)];
            var newest = _membership.Newest;
            var member = new ClusterMember(silo.SiloAddress, status, silo.Name);
            _membership.Publish(new ClusterMembershipSnapshot(
                newest.Members.SetItem(silo.SiloAddress, member), new MembershipVersion(newest.Version.Value + 1)));
        }

        if (status.IsTerminating() && before.Contains(silo))
        {
            EndWhatItHeldTheEntriesOf(silo, before);
        }
    }

    /// <summary>The silo is gone from one moment to the next.</summary>
    internal void Kill(Silo silo)
    {
        if (silo.Status == SiloStatus.Dead)
        {
            return;
        }

        SetStatus(silo, SiloStatus.Dead);
        foreach (var other in _active)
        {
            other.ForgetInDirectories(silo.SiloAddress);
        }

        foreach (var activation in Activations.Where(a => ReferenceEquals(a.PlacedOn, silo)))
        {
            Forget(activation);
            activation.Kill();
        }
    }

    internal bool TryGetActive(SiloAddress address, out Silo silo)
    {
        silo = null!;
        return _silos.TryGetValue(address, out var found) && (silo = found).Status == SiloStatus.Active;
    }

    internal void Forget(Activation activation) => _activations.TryRemove(
        KeyValuePair.Create((activation.Class, activation.Key), activation));

    internal Activation GetOrStart(GrainClass grainClass, string key, CallSource source)
    {
        Activation? candidate = null;
        while (true)
        {
            if (!_activations.TryGetValue((grainClass, key), out var found))
            {
                candidate ??= new Activation(this, grainClass, key);
                found = _activations.GetOrAdd((grainClass, key), candidate);
                if (ReferenceEquals(found, candidate))
                {
                    Place(candidate, source);
                    return candidate;
                }
            }

            if (!found.IsClosed)
            {
                return found;
            }

            Forget(found);
        }
    }

    private void EndWhatItHeldTheEntriesOf(Silo gone, Silo[] before)
    {
        var reason = new DeactivationReason(
            DeactivationReasonCode.DirectoryFailure, $"Silo {gone.SiloAddress} held its entry in the grain directory.");
        foreach (var activation in Activations)
        {
            if (activation is { PlacedOn: { } place, Class.IsInDefaultDirectory: true } && !ReferenceEquals(place, gone)
                && ReferenceEquals(DefaultDirectory.HolderOf(activation.GrainId, before), gone))
            {
                activation.Deactivate(reason);
            }
        }
    }

    private void Place(Activation activation, CallSource source)
    {
        var active = _active;
        if (active.Length == 0)
        {
            activation.FailPlacement(new SiloUnavailableException("No silo of the cluster is active."));
            return;
        }

        var local = source.LocalSilo is { Status: SiloStatus.Active } silo ? silo : active[0];
        switch (activation.Class.Placement)
        {
            case null or RandomPlacement:
                activation.StartOn(active[(int)(Interlocked.Increment(ref _turn) % (uint)active.Length)]);
                break;
            case PreferLocalPlacement:
                activation.StartOn(local);
                break;
            case { } strategy:
                _ = PlaceByDirectorAsync(activation, strategy, local);
                break;
        }
    }

    private async Task PlaceByDirectorAsync(Activation activation, PlacementStrategy strategy, Silo local)
    {
        try
        {
            var target = new PlacementTarget(
                activation.GrainId, GrainRegistry.GetInterface(activation.Class.Interfaces[0]).InterfaceType);
            var address = await local.DirectorOf(strategy)
                .OnAddActivation(strategy, target, local)
                .ConfigureAwait(false);
            if (!TryGetActive(address, out var silo))
            {
                throw new SiloUnavailableException($"{address} was chosen for {activation.GrainId} but is not active.");
            }

            activation.StartOn(silo);
        }
        catch (Exception exception)
        {
            activation.FailPlacement(exception);
        }
    }

    private async Task WaitForAsync(MembershipVersion minimumVersion, CancellationToken cancellationToken)
    {
        await foreach (var snapshot in _membership.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (snapshot.Version >= minimumVersion)
            {
                return;
            }
        }
    }
}
