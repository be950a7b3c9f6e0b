namespace Orleans.InProcess;

/// <summary>Reads why a task failed without throwing.</summary>
internal static class TaskOutcome
{
    /// <summary>What an await of the completed task would throw.</summary>
    public static Exception ExceptionOf(Task task) =>
        task.Exception?.InnerException ?? new TaskCanceledException(task);
}
