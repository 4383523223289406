public import Foundation

/// What the runtime decided about a delivery. An engine only does it.
///
/// It is an enum, though a later version may add a case: an engine that does not do one loses messages, so the compiler has to
/// name the case that it lacks.
public enum Settlement: Sendable, Equatable {
  /// Done: the message is over.
  case complete
  /// Back to this queue, not before a time, with this history.
  case retry(at: Date, History)
  /// To the queue's dead letters, with this reason and history. If that fails, the message stays where it was.
  case deadLetter(DeadLetterReason, History)
  /// Back to this queue at once, nothing counted.
  case release
  /// Back to this queue, not before a time, nothing counted.
  case postpone(until: Date)
  /// Back to this queue, to be handed out alone from now on: see ``Delivery/isSuspect``. It begins that with at most
  /// ``History/interruptionsUntilSuspect`` interruptions: deaths beyond those may have been the doing of a neighbour.
  case isolate
}

/// What became of a settlement: an enum, since a fence has two answers.
public enum SettleResult: Sendable, Equatable {
  /// Done, and durable.
  case settled
  /// Refused: the delivery belongs to another worker by now, which will settle it. Nothing was changed.
  case stale
}
