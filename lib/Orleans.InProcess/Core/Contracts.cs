namespace Orleans.Runtime
{
    /// <summary>Something that has a grain id.</summary>
    public interface IAddressable;
}

namespace Orleans
{
    /// <summary>Marks grain interfaces.</summary>
    public interface IGrain : Runtime.IAddressable;

    /// <summary>Marks grain interfaces whose grains are named by text.</summary>
    public interface IGrainWithStringKey : IGrain;
}
