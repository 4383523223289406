public import Warren

extension SQLiteBroker: SampleStore {
  private var sampleTable: SampleTable { SampleTable(file: file, writer: writer) }

  /// See ``Warren/SampleStore/keep(_:_:)``. The samples are in the broker's file.
  public func keep(_ all: QueueSample?, _ queues: [QueueName: QueueSample]) async throws(BrokerError) {
    try await waitUntilRunning()
    try await sampleTable.keep(all, queues)
  }

  /// See ``Warren/SampleStore/samples(of:)``.
  public func samples(of queue: QueueName?) async throws(BrokerError) -> [QueueSample] {
    try await sampleTable.samples(of: queue, now: clock.now)
  }

  /// See ``Warren/SampleStore/whileSampling(_:)``. One process of those that share the file takes samples, by a lock of its own.
  public func whileSampling(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withLock("warren.samples", body)
  }
}
