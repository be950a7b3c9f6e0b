using Microsoft.Extensions.DependencyInjection;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// ApiVersions, versions 0-4: exactly the APIs that have a handler. v3 tells the client's name and version (KIP-511)
/// and carries feature levels (KIP-584).
/// </summary>
/// <param name="services">Gives the table of handlers, of which this is one: it can only be asked for later.</param>
internal sealed class ApiVersionsHandler(IServiceProvider services)
    : RequestHandler<ApiVersionsRequest, ApiVersionsResponse>
{
    private IReadOnlyList<ApiVersionRange>? _advertised;

    protected override ValueTask<ApiVersionsResponse?> HandleAsync(RequestContext context, ApiVersionsRequest request)
    {
        if (context.ApiVersion >= 3)
        {
            if (!IsName(request.ClientSoftwareName) || !IsName(request.ClientSoftwareVersion))
            {
                return new(new ApiVersionsResponse { ErrorCode = ErrorCode.InvalidRequest });
            }

            context.Connection.ClientSoftwareName = request.ClientSoftwareName;
            context.Connection.ClientSoftwareVersion = request.ClientSoftwareVersion;
        }

        _advertised ??= services.GetRequiredService<RequestHandlerTable>().Advertised;
        var response = new ApiVersionsResponse();
        foreach (ApiVersionRange range in _advertised)
        {
            response.ApiKeys.Add(new ApiVersionsResponse.ApiVersion
            {
                ApiKey = (short)range.Key,
                MinVersion = range.MinVersion,
                MaxVersion = range.MaxVersion,
            });
        }

        return new(response);
    }

    /// <summary>What KIP-511 allows: letters, digits, dots and dashes, beginning and ending with a letter or digit.</summary>
    private static bool IsName(string text)
    {
        if (text.Length == 0 || !char.IsAsciiLetterOrDigit(text[0]) || !char.IsAsciiLetterOrDigit(text[^1]))
        {
            return false;
        }

        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-'))
            {
                return false;
            }
        }

        return true;
    }
}
