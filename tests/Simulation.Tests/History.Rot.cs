namespace Orleans.Kafka.Simulation.Tests;

/// <content>Bytes that change where they lie, and bytes that went elsewhere.</content>
internal sealed partial class History
{
    private void Rot()
    {
    }
}
