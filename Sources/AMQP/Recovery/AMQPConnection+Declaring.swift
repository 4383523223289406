import Logging
import NIOCore

// Declaring the topology.
extension AMQPConnection {
  /// Declares on a channel of its own. Whatever fails does not keep the rest from being declared.
  func apply(_ topology: AMQPTopology, _ link: Link, isFirst: Bool) async throws(AMQPError) {
    let declarations = topology.declarations
    guard !declarations.isEmpty else { return }
    var core: ChannelCore?
    var failure: AMQPError?
    for declaration in declarations {
      do throws(AMQPError) {
        if core == nil {
          let fresh = ChannelCore(
            id: -1, options: AMQPChannelOptions(reopens: false), maxBodySize: configuration.maxInboundBodySize)
          guard takeNumber(fresh, link) else { throw Self.noFreeChannel }
          _ = try await internalRequest(fresh, .channelOpen, timeout: configuration.replyTimeout)
          core = fresh
        }
        guard let core else { break }
        _ = try await internalRequest(core, declaration, timeout: configuration.replyTimeout)
      } catch {
        if link.hasEnded { throw error }
        logger.warning("AMQP topology: a declaration failed", metadata: ["error": "\(error)"])
        // The first is the cause; a 406 or 403 will not pass by itself, a 404 or 405 may.
        if failure == nil || error.isRetryable { failure = error }
        core = nil
      }
    }
    if let core { await close(core) }
    guard let failure else { return }
    if isFirst || failure.isRetryable { throw failure }
  }
}
