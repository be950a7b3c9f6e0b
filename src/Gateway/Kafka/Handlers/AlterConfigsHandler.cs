using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// AlterConfigs, versions 0-2: what is named is all that is set afterwards. Clients that can use
/// IncrementalAlterConfigs instead.
/// </summary>
internal sealed class AlterConfigsHandler(ConfigEditor editor)
    : RequestHandler<AlterConfigsRequest, AlterConfigsResponse>
{
    protected override async ValueTask<AlterConfigsResponse?> HandleAsync(
        RequestContext context, AlterConfigsRequest request)
    {
        var twice = request.Resources.GroupBy(resource => (resource.ResourceType, resource.ResourceName))
            .Where(group => group.Count() > 1)
            .Select(group => group.Key)
            .ToHashSet();
        var response = new AlterConfigsResponse();
        foreach (var resource in request.Resources)
        {
            var problem = twice.Contains((resource.ResourceType, resource.ResourceName))
                ? new ConfigProblem(ErrorCode.InvalidRequest, "Each resource must appear at most once.")
                : await ReplaceAsync(resource, request.ValidateOnly);
            response.Responses.Add(new AlterConfigsResponse.AlterConfigsResourceResponse
            {
                ErrorCode = problem.Code,
                ErrorMessage = problem.Message,
                ResourceType = resource.ResourceType,
                ResourceName = resource.ResourceName,
            });
        }

        return response;
    }

    private Task<ConfigProblem> ReplaceAsync(AlterConfigsRequest.AlterConfigsResource resource, bool validateOnly)
    {
        var given = resource.Configs.Select(config => KeyValuePair.Create(config.Name, config.Value));
        return editor.ChangeAsync(resource.ResourceType, resource.ResourceName, validateOnly, Replace);

        ConfigProblem Replace(
            ConfigAlteration alteration,
            IReadOnlyDictionary<string, string> current,
            out Dictionary<string, string> result) => alteration.Replace(current, given, out result);
    }
}
