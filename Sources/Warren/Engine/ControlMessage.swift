package import Foundation

/// What the processes of a broker tell each other: to look whether a queue is paused, to report what they work on, to cancel a
/// handler.
///
/// It travels as JSON. Later versions only add to it, so an older process leaves out what it does not know, and ignores kinds
/// that it does not know.
package struct ControlMessage: Sendable, Equatable, Codable {
  /// What is asked for.
  package struct Kind: RawRepresentable, Sendable, Hashable, Codable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    /// Whether the queue is paused may have changed.
    package static let look = Kind(rawValue: "look")
    /// Report what you work on.
    package static let report = Kind(rawValue: "report")
    /// Cancel the handler of the message.
    package static let cancel = Kind(rawValue: "cancel")
  }
  /// The version of the sender.
  package var version = 1
  package var kind: Kind
  package var queue: QueueName?
  package var message: MessageID?

  package init(_ kind: Kind, queue: QueueName? = nil, message: MessageID? = nil) {
    self.kind = kind
    self.queue = queue
    self.message = message
  }

  /// From JSON; `nil` for what is no control message.
  package init?(json: Data) {
    guard let message = try? JSON.decoder.decode(Self.self, from: json) else { return nil }
    self = message
  }

  /// As JSON.
  package var json: Data { (try? JSON.encoder.encode(self)) ?? Data() }
}

/// What a process answers to a ``ControlMessage``.
package struct ControlAnswer: Sendable, Equatable, Codable {
  /// The version of the sender.
  package var version = 1
  /// To ``ControlMessage/Kind/report``.
  package var worker: WorkerStatus?
  /// To ``ControlMessage/Kind/report``: the bindings that the topologies which the process applied have, by the name of the queue.
  package var asked: [String: [Binding]]?
  /// To ``ControlMessage/Kind/cancel``: how many handlers were cancelled.
  package var cancelled: Int?

  package init(worker: WorkerStatus? = nil, asked: [String: [Binding]]? = nil, cancelled: Int? = nil) {
    self.worker = worker
    self.asked = asked
    self.cancelled = cancelled
  }
  package init?(json: Data) {
    guard let answer = try? JSON.decoder.decode(Self.self, from: json) else { return nil }
    self = answer
  }
  package var json: Data { (try? JSON.encoder.encode(self)) ?? Data() }
}
