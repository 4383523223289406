internal import Foundation

/// A pause of a consumer by a worker: noted as a time of day, and over when so much time has passed.
struct ConsumerPause: Sendable {
  var until: Date
  /// `nil` when it is over at the time of day.
  var untilElapsed: Duration?
}
