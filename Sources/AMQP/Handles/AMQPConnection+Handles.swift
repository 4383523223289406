extension AMQPConnection {
  /// Opens a channel. Close it with ``AMQPChannel/close()``; ``withChannel(_:isolation:_:)`` does that by itself.
  ///
  /// - throws: ``AMQPError``: `noFreeChannel`, `replyTimeout`, `notRunning` or the reason for which the connection ended.
  public func openChannel(_ options: AMQPChannelOptions = .init()) async throws(AMQPError) -> AMQPChannel {
    AMQPChannel(connection: self, core: try await addChannel(options))
  }

  /// Opens a channel, runs `body` with it, and closes it. For declarations too: an error closes the channel it happens on,
  /// so they should not share one with publishers or consumers.
  public func withChannel<R>(
    _ options: AMQPChannelOptions = .init(), isolation: isolated (any Actor)? = #isolation,
    _ body: (AMQPChannel) async throws -> R
  ) async throws -> R {
    let channel = try await openChannel(options)
    do {
      let result = try await body(channel)
      await channel.close()
      return result
    } catch {
      await channel.close()
      throw error
    }
  }

  /// Consumes a queue on a channel of its own for as long as `body` runs. What is unsettled when it ends goes back to the queue.
  ///
  /// ```swift
  /// try await connection.consume("greetings", prefetch: 20) { deliveries in
  ///   for try await delivery in deliveries {
  ///     print(String(buffer: delivery.body))
  ///     delivery.ack()
  ///   }
  /// }
  /// ```
  public func consume<R>(
    _ queue: String, prefetch: UInt16 = 100, options: AMQPConsumeOptions = .init(),
    isolation: isolated (any Actor)? = #isolation, _ body: (AMQPDeliveries) async throws -> R
  ) async throws -> R {
    try await withChannel { channel in
      let deliveries = try await channel.consume(queue, prefetch: prefetch, options: options)
      do {
        let result = try await body(deliveries)
        await deliveries.cancel()
        return result
      } catch {
        await deliveries.cancel()
        throw error
      }
    }
  }
}
