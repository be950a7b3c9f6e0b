using System.Buffers.Binary;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>Stands for a request that is refused, so that the refusal waits for the answers before it.</summary>
internal sealed class RefusedRequest : RequestHandler
{
    public static readonly RefusedRequest Instance = new();

    private RefusedRequest()
        : base(ApiKey.ApiVersions, 0, 0)
    {
    }

    public override void Handle(RequestContext context) => context.Response.Close(CloseReason.ProtocolViolation);
}

/// <summary>
/// Answers an ApiVersions request of a version that is not served: error 35 and the versions that are, as v0.
/// </summary>
internal sealed class UnsupportedApiVersions : RequestHandler
{
    private const short UnsupportedVersion = 35;
    private readonly RequestHandler _served;

    private UnsupportedApiVersions(RequestHandler served)
        : base(served.Key, 0, 0)
    {
        _served = served;
    }

    public static UnsupportedApiVersions For(RequestHandler served) => new(served);

    public override void Handle(RequestContext context)
    {
        const int BodyBytes = 2 + 4 + 6;
        PendingResponse response = context.Response;
        Span<byte> body = response.GetSpan(BodyBytes);
        BinaryPrimitives.WriteInt16BigEndian(body, UnsupportedVersion);
        BinaryPrimitives.WriteInt32BigEndian(body[2..], 1);
        BinaryPrimitives.WriteInt16BigEndian(body[6..], (short)_served.Key);
        BinaryPrimitives.WriteInt16BigEndian(body[8..], _served.AdvertisedMinVersion);
        BinaryPrimitives.WriteInt16BigEndian(body[10..], _served.MaxVersion);
        response.Advance(BodyBytes);
        response.Complete();
    }
}

/// <summary>Names what probably speaks when a length prefix is none.</summary>
internal static class ProtocolGuess
{
    private const int Get = 0x47455420;
    private const int Post = 0x504F5354;
    private const int Head = 0x48454144;
    private const int Put = 0x50555420;
    private const int Ssh = 0x5353482D;

    public static string Describe(int length) => length switch
    {
        Get or Post or Head or Put => ", an HTTP request?",
        Ssh => ", SSH?",
        _ when (length >> 8) is 0x160301 or 0x160303 => ", TLS on a plain-text listener?",
        _ => "",
    };
}
