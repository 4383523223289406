import NIOCore
import Synchronization

/// A consumer, behind its sequence. It outlives connections.
///
/// The machine is behind a lock, because the event loop fills it and the task that iterates empties it. Unchecked, because the
/// rest belongs to the event loop.
final class ConsumerCore: ChannelConsumer, @unchecked Sendable {
  typealias Machine = ConsumerMachine<AMQPDelivery, UnsafeContinuation<Void, Never>>

  let prefetch: UInt16
  let machine: Mutex<Machine>
  private let consume: BasicConsume

  // MARK: For the event loop

  /// What the current read brought.
  var arrived: [AMQPDelivery] = []
  var isTouched = false
  /// The call that waits for it to begin.
  var start: Request?

  init(request: BasicConsume, prefetch: UInt16) {
    consume = request
    self.prefetch = prefetch
    let limits: Machine.Limits =
      request.noAck || prefetch == 0 ? .withoutAcknowledgements : .prefetch(prefetch)
    machine = Mutex(Machine(acknowledges: !request.noAck, limits: limits))
  }

  var tag: String { consume.consumerTag }
  var noAck: Bool { consume.noAck }

  /// What asks the broker for deliveries. A stream goes on behind what was seen of it.
  var request: BasicConsume {
    guard let offset = machine.withLock({ $0.resumeOffset }) else { return consume }
    var request = consume
    request.arguments["x-stream-offset"] = .int64(offset)
    return request
  }

  /// Whether the sequence, or the broker, has ended it, or is about to.
  var isLeaving: Bool {
    machine.withLock { machine in
      switch machine.state {
      case .stopping, .cancelling, .leaving, .ended: true
      case .waiting, .subscribing, .active: false
      }
    }
  }

  // MARK: Events

  func subscribe() -> Bool { machine.withLock { $0.subscribe() } }

  func subscribed() { machine.withLock { $0.subscribed() } }

  func leave(_ way: ConsumerLeave) -> ConsumerCancellation {
    let leaving = machine.withLock { machine in
      switch way {
      case .cancel: machine.cancel()
      case .stop: machine.stop()
      }
    }
    switch leaving {
    case .isOver: return .isOver
    case .atOnce(let ending):
      run(ending)
      return machine.withLock { if case .ended = $0.state { .ended } else { .isOver } }
    case .send(let waits, let ending):
      run(ending)
      return .send(waits: waits)
    }
  }

  func take(_ event: ConsumerEvent) {
    run(
      machine.withLock { machine in
        switch event {
        case .agreed: machine.agreed()
        case .lost: machine.lost()
        case .ended(let result, let keepsBuffer): machine.end(result, keepsBuffer: keepsBuffer)
        }
      })
  }

  /// No task waits for the broker's answer any more.
  func cancelUnanswered() { run(machine.withLock { $0.unanswered() }) }

  /// Does what follows from an end.
  private func run(_ ending: Machine.Ending) {
    giveBack(ending.givesBack)
    ending.wakes?.resume()
  }

  /// Returns deliveries that no task will see. Without acknowledgements there is nothing to return them to.
  func giveBack(_ deliveries: [AMQPDelivery]) {
    if noAck { return }
    for delivery in deliveries { delivery.nack(requeue: true) }
  }
}

extension AMQPDelivery: ConsumerElement {
  /// The body, and about as much as the rest of a small message takes.
  var bufferedBytes: Int { body.readableBytes + 512 }
  var streamOffset: Int64? { properties.headers?["x-stream-offset"]?.integer }
}
