using Orleans.Runtime;

namespace Orleans.Runtime
{
    /// <summary>How the silo of a new activation is chosen. Carries no code: its director does the choosing.</summary>
    public abstract class PlacementStrategy
    {
        /// <summary>Whether at most one activation per grain exists in the cluster.</summary>
        public virtual bool IsUsingGrainDirectory => true;
    }

    /// <summary>Any active silo.</summary>
    public sealed class RandomPlacement : PlacementStrategy;

    /// <summary>The silo of the caller if it is active.</summary>
    public sealed class PreferLocalPlacement : PlacementStrategy;
}

namespace Orleans.Placement
{
    /// <summary>Base class of the attributes that give a grain class its placement.</summary>
    [AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
    public abstract class PlacementAttribute : Attribute
    {
        /// <summary>Gives the strategy.</summary>
        protected PlacementAttribute(PlacementStrategy placement)
        {
            ArgumentNullException.ThrowIfNull(placement);
            PlacementStrategy = placement;
        }

        /// <summary>The strategy.</summary>
        public PlacementStrategy PlacementStrategy { get; }
    }

    /// <summary>Any active silo.</summary>
    [AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
    public sealed class RandomPlacementAttribute() : PlacementAttribute(new RandomPlacement());

    /// <summary>The silo of the caller if it is active.</summary>
    [AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
    public sealed class PreferLocalPlacementAttribute() : PlacementAttribute(new PreferLocalPlacement());
}

namespace Orleans.Runtime.Placement
{
    /// <summary>What is to be placed.</summary>
    public readonly struct PlacementTarget
    {
        internal PlacementTarget(GrainId grainIdentity, GrainInterfaceType interfaceType)
        {
            GrainIdentity = grainIdentity;
            InterfaceType = interfaceType;
        }

        /// <summary>Which grain.</summary>
        public GrainId GrainIdentity { get; }

        /// <summary>The interface that the first call comes by.</summary>
        public GrainInterfaceType InterfaceType { get; }
    }

    /// <summary>What a director can know.</summary>
    public interface IPlacementContext
    {
        /// <summary>The silo that places.</summary>
        SiloAddress LocalSilo { get; }

        /// <summary>How that silo is.</summary>
        SiloStatus LocalSiloStatus { get; }

        /// <summary>The active silos that can run the grain; never empty.</summary>
        /// <exception cref="OrleansException">There is none.</exception>
        SiloAddress[] GetCompatibleSilos(PlacementTarget target);
    }

    /// <summary>Chooses the silo of new activations for one strategy.</summary>
    public interface IPlacementDirector
    {
        /// <summary>Chooses. An exception fails the calls that wait for the activation.</summary>
        Task<SiloAddress> OnAddActivation(
            PlacementStrategy strategy, PlacementTarget target, IPlacementContext context);
    }
}
