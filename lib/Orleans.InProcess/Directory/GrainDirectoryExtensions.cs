using Microsoft.Extensions.DependencyInjection;
using Orleans.GrainDirectory;
using Orleans.Hosting;
using Orleans.InProcess;

namespace Orleans.Runtime.Hosting;

/// <summary>Registers grain directories.</summary>
public static class DirectorySiloBuilderExtensions
{
    /// <summary>Registers a directory for the grain classes that name it.</summary>
    public static ISiloBuilder AddGrainDirectory<T>(
        this ISiloBuilder builder, string name, Func<IServiceProvider, string, T> implementationFactory)
        where T : class, IGrainDirectory
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddGrainDirectory(name, implementationFactory);
        return builder;
    }

    /// <summary>Registers a directory for the grain classes that name it.</summary>
    public static IServiceCollection AddGrainDirectory<T>(
        this IServiceCollection collection, string name, Func<IServiceProvider, string, T> implementationFactory)
        where T : class, IGrainDirectory =>
        collection
            .AddSingleton(new GrainDirectoryName(name))
            .AddKeyedSingleton<IGrainDirectory>(name, (provider, _) => implementationFactory(provider, name));
}
