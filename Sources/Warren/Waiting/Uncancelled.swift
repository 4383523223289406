/// Runs to the end even when the caller's task is cancelled: what has begun must not stop half way, such as between a copy and its
/// acknowledgement.
package func uncancelled<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
  // A task of its own is not cancelled with the caller's, which waits for it.
  await Task { await body() }.value
}
