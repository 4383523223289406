public import Foundation

/// An engine whose queues can be stopped and emptied by an operator.
public protocol OperableBroker: Broker {
  /// Hands out nothing more from this queue, in any process, until ``resume(_:)``. What is out is settled as usual.
  func pause(_ queue: QueueName) async throws(BrokerError)
  /// Undoes ``pause(_:)``.
  func resume(_ queue: QueueName) async throws(BrokerError)
  /// Deletes what waits in this queue, the delayed messages too where the engine can reach them (on RabbitMQ it cannot);
  /// what a worker holds stays. Returns how many went.
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int
  /// Asks the worker that handles this message to end its handler: the task is cancelled. What a handler that heeds it leaves
  /// becomes a dead letter (``DeadLetterReason/Kind/cancelled``); one that finishes all the same is believed.
  ///
  /// - Returns: how many handlers were asked; 0 when no worker handles the message now.
  /// - Throws: ``BrokerError/Code/unsupported`` on an engine that cannot.
  func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int

  /// Deletes a message that waits or is delayed; its key, if it has one, is free. What a worker holds stays:
  /// see ``cancel(_:in:)``.
  ///
  /// - Returns: how many went: 0 when none with this id waits in the queue, and more than one when several have the id.
  /// - Throws: ``BrokerError/Code/unsupported`` on an engine that cannot reach a single message.
  func removeWaiting(_ id: MessageID, from queue: QueueName) async throws(BrokerError) -> Int
  /// Has a message that waits or is delayed handed out from this time on: with a time that is over at once.
  ///
  /// - Returns: how many messages with this id there were.
  /// - Throws: as ``removeWaiting(_:from:)`` does.
  func reschedule(_ id: MessageID, in queue: QueueName, to time: Date) async throws(BrokerError) -> Int
  /// Gives a message that waits or is delayed another content. Its id, priority, place, due time, key and history stay.
  ///
  /// - Parameter content: what its body, headers, content type and content encoding become.
  /// - Returns: how many messages with this id there were.
  /// - Throws: as ``removeWaiting(_:from:)`` does, and ``BrokerError/Code/tooLarge``.
  func replaceWaiting(_ id: MessageID, in queue: QueueName, with content: Message) async throws(BrokerError) -> Int
}

extension OperableBroker {
  /// Not on this engine.
  public func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    throw BrokerError(
      .unsupported, "this engine cannot ask a worker to end a handler: give the handler a timeout, or stop the worker")
  }

  /// Not on this engine.
  public func removeWaiting(_ id: MessageID, from queue: QueueName) async throws(BrokerError) -> Int {
    throw Self.cannotReach
  }
  /// Not on this engine.
  public func reschedule(_ id: MessageID, in queue: QueueName, to time: Date) async throws(BrokerError) -> Int {
    throw Self.cannotReach
  }
  /// Not on this engine.
  public func replaceWaiting(_ id: MessageID, in queue: QueueName, with content: Message) async throws(BrokerError)
    -> Int
  { throw Self.cannotReach }

  private static var cannotReach: BrokerError {
    BrokerError(
      .unsupported,
      "this engine cannot reach a single message that waits: let its handler decide at the beginning whether it is still wanted"
    )
  }
}
