/// Handles the deliveries of a consumer, one after the other.
struct WorkerSlot: Sendable {
  let consumer: Consumer
  let processor: DeliveryProcessor

  /// Returns when the consumer has no more. When a handler is cancelled by itself its task has to end, and another goes on.
  func run() async { while await runUntilCancelled() {} }

  /// Whether it ended because a handler was cancelled.
  private func runUntilCancelled() async -> Bool {
    let cancellation = HandlerCancellation()
    return await withTaskGroup(of: Bool?.self) { group in
      group.addTask {
        while let delivery = await consumer.next() {
          await processor.process(delivery, cancellation)
          // Asking for the next one in a cancelled task would stop the consumer.
          if cancellation.reason != nil { return true }
        }
        return false
      }
      group.addTask {
        await cancellation.wait()
        return nil
      }
      while let end = await group.next() {
        group.cancelAll()
        if let end { return end }
      }
      return false
    }
  }
}
