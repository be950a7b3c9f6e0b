using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// IncrementalAlterConfigs, versions 0-1 (KIP-339): sets, deletes, and changes lists item by item. The changes of one
/// resource are made together or not at all.
/// </summary>
internal sealed class IncrementalAlterConfigsHandler(ConfigEditor editor)
    : RequestHandler<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>
{
    protected override async ValueTask<IncrementalAlterConfigsResponse?> HandleAsync(
        RequestContext context, IncrementalAlterConfigsRequest request)
    {
        var twice = request.Resources.GroupBy(resource => (resource.ResourceType, resource.ResourceName))
            .Where(group => group.Count() > 1)
            .Select(group => group.Key)
            .ToHashSet();
        var response = new IncrementalAlterConfigsResponse();
        foreach (var resource in request.Resources)
        {
            var problem = twice.Contains((resource.ResourceType, resource.ResourceName))
                ? new ConfigProblem(ErrorCode.InvalidRequest, "Each resource must appear at most once.")
                : await ChangeAsync(resource, request.ValidateOnly);
            response.Responses.Add(new IncrementalAlterConfigsResponse.AlterConfigsResourceResponse
            {
                ErrorCode = problem.Code,
                ErrorMessage = problem.Message,
                ResourceType = resource.ResourceType,
                ResourceName = resource.ResourceName,
            });
        }

        return response;
    }

    private Task<ConfigProblem> ChangeAsync(
        IncrementalAlterConfigsRequest.AlterConfigsResource resource, bool validateOnly)
    {
        List<ConfigChange> changes = [.. resource.Configs.Select(
            config => new ConfigChange(config.Name, (ConfigOperation)config.ConfigOperation, config.Value))];
        return editor.ChangeAsync(resource.ResourceType, resource.ResourceName, validateOnly, Apply);

        ConfigProblem Apply(
            ConfigAlteration alteration,
            IReadOnlyDictionary<string, string> current,
            out Dictionary<string, string> result) => alteration.Apply(current, changes, out result);
    }
}
