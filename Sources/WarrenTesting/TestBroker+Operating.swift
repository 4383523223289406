public import Warren
internal import WarrenSQLite

extension TestBroker: BulkOperatingBroker {
  /// See ``Warren/BulkOperatingBroker/keep(_:)``.
  public func keep(_ operation: BulkOperation) async throws(BrokerError) { try await engine.keep(operation) }
  /// See ``Warren/BulkOperatingBroker/advance(_:runner:atMost:)``.
  public func advance(_ id: String, runner: String, atMost limit: Int) async throws(BrokerError) -> BulkOperation {
    defer { changed() }
    return try await engine.advance(id, runner: runner, atMost: limit)
  }
  /// See ``Warren/BulkOperatingBroker/takeOver(_:runner:)``.
  public func takeOver(_ id: String, runner: String) async throws(BrokerError) -> BulkOperation {
    try await engine.takeOver(id, runner: runner)
  }
  /// See ``Warren/BulkOperatingBroker/cancelOperation(_:)``.
  public func cancelOperation(_ id: String) async throws(BrokerError) -> BulkOperation {
    try await engine.cancelOperation(id)
  }
  /// See ``Warren/BulkOperatingBroker/bulkOperations(limit:)``.
  public func bulkOperations(limit: Int) async throws(BrokerError) -> [BulkOperation] {
    try await engine.bulkOperations(limit: limit)
  }
  /// See ``Warren/BulkOperatingBroker/bulkOperation(_:)``.
  public func bulkOperation(_ id: String) async throws(BrokerError) -> BulkOperation? {
    try await engine.bulkOperation(id)
  }
}

extension TestBroker: RestoringBroker {
  /// See ``Warren/RestoringBroker/deletedLifetime``.
  public var deletedLifetime: Duration { engine.deletedLifetime }
  /// See ``Warren/RestoringBroker/deletedLimit``.
  public var deletedLimit: Int { engine.deletedLimit }
  /// See ``Warren/RestoringBroker/deletedDeadLetters(limit:)``.
  public func deletedDeadLetters(limit: Int) async throws(BrokerError) -> [DeletedDeadLetter] {
    try await engine.deletedDeadLetters(limit: limit)
  }
  /// See ``Warren/RestoringBroker/restoreDeadLetters(_:)``.
  public func restoreDeadLetters(_ ids: [MessageID]) async throws(BrokerError) -> [MessageID] {
    defer { changed() }
    return try await engine.restoreDeadLetters(ids)
  }
}

extension TestBroker: SampleStore {
  /// See ``Warren/SampleStore/keep(_:_:)``.
  public func keep(_ all: QueueSample?, _ queues: [QueueName: QueueSample]) async throws(BrokerError) {
    try await engine.keep(all, queues)
  }
  /// See ``Warren/SampleStore/samples(of:)``.
  public func samples(of queue: QueueName?) async throws(BrokerError) -> [QueueSample] {
    try await engine.samples(of: queue)
  }
  /// See ``Warren/SampleStore/whileSampling(_:)``.
  public func whileSampling(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await engine.whileSampling(body)
  }
}

extension TestBroker: AuditLog {
  /// See ``Warren/AuditLog/record(_:)``.
  public func record(_ entry: AuditEntry) async throws(BrokerError) { try await engine.record(entry) }
  /// See ``Warren/AuditLog/audit(after:limit:)``.
  public func audit(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await engine.audit(after: number, limit: limit)
  }
  /// See ``Warren/AuditLog/newestAudit(limit:)``.
  public func newestAudit(limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await engine.newestAudit(limit: limit)
  }
}
