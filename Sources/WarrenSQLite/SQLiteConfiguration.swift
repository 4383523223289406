internal import Foundation
internal import Warren

/// How a ``SQLiteBroker`` uses its file. The defaults are safe and fit most.
public struct SQLiteConfiguration: Sendable {
  /// When SQLite waits for the disk.
  public enum Synchronous: String, Sendable, CaseIterable {
    /// At every commit: what `publish` has returned survives a power failure.
    case full = "FULL"
    /// At checkpoints: faster; a power failure may take the last seconds' messages and bring back finished ones. The
    /// death of a process takes nothing.
    case normal = "NORMAL"
  }
  /// When SQLite waits for the disk; ``Synchronous/full`` by default.
  public var synchronous = Synchronous.full
  /// The largest body, in bytes; 16 MiB by default.
  public var largestBody = 16 * 1024 * 1024
  /// How long opening waits while another process holds the file and something has to be written, such as a new file's
  /// tables; 10 s by default.
  public var openDeadline = Duration.seconds(10)
  /// How long a call waits for ``SQLiteBroker/run()`` to begin; 10 s by default.
  public var startDeadline = Duration.seconds(10)
  /// How long `publish`, and what an operator does, waits for its turn, such as while another process holds the file; 30 s
  /// by default.
  public var publishDeadline = Duration.seconds(30)
  /// How long no process may have written before a look at the broker says that it cannot be written; 2 s by default.
  var probeDeadline = Duration.seconds(2)
  /// How long a stop waits to give back what this process holds; 5 s by default. After that other processes take it back.
  public var stopDeadline = Duration.seconds(5)
  /// How long a process may show no sign of life while it exists before its deliveries are taken away; 60 s by default, and at least
  /// twice the ``livenessInterval``.
  /// The deliveries of a process that is gone are taken back at the next look, independent of this.
  public var leaseTimeout = Duration.seconds(60)
  /// How often this process shows that it lives, and looks whether others do; 500 ms by default.
  public var livenessInterval = Duration.milliseconds(500)
  /// How long a message whose parking failed rests before it is handed out again; 5 s by default.
  public var parkingPause = Duration.seconds(5)
  /// By what this process shows itself to operators; host, process id and program by default.
  public var workerName = Self.defaultWorkerName

  /// The defaults.
  public init() {}

  /// Throws ``BrokerError/Code/invalid`` for what cannot be meant.
  func validate() throws(BrokerError) {
    for (what, time) in [
      ("openDeadline", openDeadline), ("startDeadline", startDeadline), ("publishDeadline", publishDeadline),
      ("stopDeadline", stopDeadline), ("parkingPause", parkingPause),
    ] where time < .zero {
      throw BrokerError(.invalid, "\(what) is \(time.words): give a time from zero on")
    }
    if livenessInterval < .milliseconds(1) {
      throw BrokerError(.invalid, "livenessInterval is \(livenessInterval.words): give a millisecond or more")
    }
    if leaseTimeout.bounded < livenessInterval.bounded * 2 {
      throw BrokerError(
        .invalid,
        "a leaseTimeout of \(leaseTimeout.words) takes the deliveries away from a healthy process, which shows itself every "
          + "\(livenessInterval.words) (livenessInterval): give at least twice that")
    }
    if largestBody < 1 { throw BrokerError(.invalid, "largestBody is \(largestBody): give 1 byte or more") }
    if !(1...255).contains(workerName.utf8.count) {
      throw BrokerError(.invalid, "workerName has \(workerName.utf8.count) bytes: give it one of 1 to 255")
    }
  }

  private static var defaultWorkerName: String {
    let process = ProcessInfo.processInfo
    let name = "\(process.hostName):\(process.processIdentifier):\(process.processName)"
    return String(decoding: name.utf8.prefix(252), as: UTF8.self)
  }
}
