public import Foundation

/// Where state lives that an engine cannot hold, such as when a schedule ran last: small records with names, which are replaced
/// only by a writer that has seen what it replaces.
///
/// `SQLiteBroker` is a store itself. Beside another engine use the application's database: `DatabaseStore` of `WarrenGRDB`, which
/// the processes of one machine share.
///
/// A store of your own needs one table with the key ``StoreKey`` and two statements for each call: see `DatabaseStore`.
public protocol StateStore: Sendable {
  /// The record with this key; `nil` when there is none, or its time is over.
  func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord?

  /// All records of a kind whose time is not over, by name.
  func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord]

  /// Writes a record if what is there now is what the caller has seen.
  ///
  /// - Parameters:
  ///   - version: that of the record to be replaced; `nil`: there must be none.
  ///   - expiry: from when on the record counts as gone; `nil`: never.
  /// - Returns: the record as it is now, durable; `nil` when another caller was there before, and nothing was written.
  func write(
    _ value: Data, to key: StoreKey, replacing version: StoreVersion?, until expiry: Date?
  ) async throws(BrokerError) -> StoreRecord?

  /// Removes a record if what is there now is this version. Returns whether it was.
  func remove(_ key: StoreKey, _ version: StoreVersion) async throws(BrokerError) -> Bool
}

/// What a record is for, such as ``StoreKind/schedule``. A kind has names of its own.
public struct StoreKind: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }
  /// What a ``Scheduler`` knows of its schedules.
  public static let schedule: StoreKind = "schedule"
  /// Which circuit breakers are open; see ``Breakers``.
  public static let breaker: StoreKind = "breaker"
  /// Which keys of unique jobs are taken, on an engine that cannot keep repeats out itself; see ``Uniqueness``.
  public static let unique: StoreKind = "unique"
  /// Which jobs were cancelled, on an engine that cannot reach a single message; see ``EventBus/cancel(_:of:)``.
  public static let cancelled: StoreKind = "cancelled"
}

/// By what a record is found.
public struct StoreKey: Sendable, Hashable {
  /// What it is for.
  public var kind: StoreKind
  /// Its name among those of its kind.
  public var name: String

  /// A key.
  public init(_ kind: StoreKind, _ name: String) {
    self.kind = kind
    self.name = name
  }

  /// The key of something that belongs to a queue. With the length of the queue's name, no two pairs have one key.
  init(_ kind: StoreKind, _ queue: QueueName, _ name: String) {
    self.init(kind, "\(queue.rawValue.utf8.count) \(queue) \(name)")
  }
}

/// Tells one writing of a record from all others, also of a record that was removed and written anew.
public struct StoreVersion: RawRepresentable, Sendable, Hashable {
  /// The number.
  public let rawValue: Int64
  /// Wraps the number as it is.
  public init(rawValue: Int64) { self.rawValue = rawValue }
  /// A version that no record has had: drawn from 2⁶³ numbers.
  public static func unique() -> StoreVersion { StoreVersion(rawValue: .random(in: 1 ... .max)) }
}

/// What a store holds under a key.
public struct StoreRecord: Sendable, Equatable {
  /// By what it is found.
  public var key: StoreKey
  /// Its content.
  public var value: Data
  /// By what a writer shows that it has seen it.
  public var version: StoreVersion
  /// From when on it counts as gone; `nil`: never.
  public var expiry: Date?

  /// A record.
  public init(_ key: StoreKey, value: Data, version: StoreVersion, expiry: Date? = nil) {
    self.key = key
    self.value = value
    self.version = version
    self.expiry = expiry
  }
}

extension BrokerError {
  /// The error for a feature that needs a store where none was given and the engine is none itself.
  package init(noStoreFor feature: String, _ engine: String) {
    self.init(
      .unsupported,
      "\(feature) keep what they know in a store, and \(engine) cannot be one: give `store:`, such as a `DatabaseStore` of "
        + "WarrenGRDB with the application's database")
  }
}
