internal import Foundation
internal import Logging
internal import Warren
internal import WarrenConnect
internal import WarrenOperations

extension GlobalOptions {
  /// Opens the broker and runs it while `body` runs.
  ///
  /// - Parameters:
  ///   - store: where schedules are, if not in the broker.
  ///   - outbox: the application's, where it is to be operated, too.
  func withOperations<Result: Sendable>(
    store: (any StateStore)? = nil, outbox: (any OperableOutbox)? = nil,
    _ body: @Sendable (Operations) async throws -> Result
  ) async throws -> Result {
    if let remote = try remoteBroker() {
      if store != nil || outbox != nil {
        throw CommandError(
          .usage, "over a dashboard its own store and outbox are used", next: "leave out --store and --outbox")
      }
      return try await remote.withBroker { try await body(Operations($0, mask: mask)) }
    }
    guard let text = try brokerURL(), !text.isEmpty else {
      throw CommandError(
        .usage, "which broker?",
        next: "name it with --broker sqlite:PATH or amqp://HOST, or set WARREN_BROKER for all commands")
    }
    let address = try BrokerAddress(text)
    if case .sqlite(let path) = address { try requireFile(path) }
    let broker = try address.open(
      startDeadline: .seconds(5), publishDeadline: .seconds(10), waitsForBroker: false, logger: quietLogger)
    return try await run(broker, store, outbox, body)
  }

  private func run<Result: Sendable>(
    _ broker: some Broker, _ store: (any StateStore)?, _ outbox: (any OperableOutbox)?,
    _ body: @Sendable (Operations) async throws -> Result
  ) async throws -> Result {
    let (mask, actor, audit) = (mask, actor, auditLog(for: broker))
    let samples = broker is any SampleStore ? nil : SampleFile(path: try samplesPath())
    return try await broker.withBroker {
      try await body(
        Operations($0, mask: mask, store: store, actor: actor, audit: audit, outbox: outbox, samples: samples))
    }
  }

  /// The broker behind the dashboard that is named here, or in the environment where no broker is named.
  func remoteBroker() throws -> RemoteBroker? {
    let named = broker == nil && context == nil && setting("WARREN_BROKER") == nil ? setting("WARREN_URL") : nil
    guard let address = url ?? named else { return nil }
    // What is named here goes before what the environment has.
    let given = token != nil || user != nil
    return RemoteBroker(
      try DashboardClient(
        address, token: token ?? (given ? nil : setting("WARREN_TOKEN")),
        user: user ?? (given || setting("WARREN_TOKEN") != nil ? nil : setting("WARREN_USER"))))
  }

  /// What is done with an outbox, which needs no broker; who changed something is written to the file of the audit.
  func operations(on outbox: any OperableOutbox) -> OutboxOperations {
    OutboxOperations(outbox, actor: actor, audit: auditOfFile)
  }

  /// What is named here, in the environment, or by the context that is in use.
  private func brokerURL() throws -> String? {
    let environment = ProcessInfo.processInfo.environment
    if broker != nil, context != nil { throw CommandError(.usage, "--broker and --context: only one of both") }
    if let broker { return broker }
    if let context { return try Contexts.filled(try Contexts.read().url(context), environment) }
    if let text = setting("WARREN_BROKER") { return text }
    let contexts = try Contexts.read()
    return try contexts.current.map { try Contexts.filled(try contexts.url($0), environment) }
  }

  private func setting(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Who acts; `nil`: this user on this host.
  private var actor: String? { setting("WARREN_ACTOR") }

  /// A file, where one is named or the engine keeps no log; `nil`: the engine's own.
  private func auditLog(for broker: any Broker) -> (any AuditLog)? {
    auditFile == nil && setting("WARREN_AUDIT") == nil && broker is any AuditLog ? nil : auditOfFile
  }

  /// The file that is named, or that of this user.
  private var auditOfFile: AuditFile {
    if let path = auditFile ?? setting("WARREN_AUDIT") { return AuditFile(path: path) }
    return AuditFile(path: stateFolder + "/audit.jsonl")
  }

  private var stateFolder: String {
    (setting("XDG_STATE_HOME") ?? NSHomeDirectory() + "/.local/state") + "/warren"
  }

  /// Where what the queues of this broker did is kept, when the engine cannot: a file of its own for each address.
  private func samplesPath() throws -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in (try brokerURL() ?? "").utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return stateFolder + "/history-\(String(hash, radix: 16))"
  }

  /// The engine would create the file, and a person who mistyped a path would look at an empty broker.
  private func requireFile(_ path: String) throws {
    if access(path, F_OK) != 0, errno == EACCES {
      throw CommandError(
        .failure, "'\(path)' cannot be looked at by this user",
        next: "give this user the right to read it and to enter its directories")
    }
    var isDirectory: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    if isDirectory.boolValue {
      throw CommandError(.unreachable, "'\(path)' is a directory and no broker file", next: "name the file in it")
    }
    guard isThere else {
      throw CommandError(
        .unreachable, "there is no broker file '\(path)'",
        next: "check the path; the first service that opens the file creates it")
    }
    let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    guard size != 0 else {
      throw CommandError(
        .unreachable, "the file '\(path)' is empty, so it is no broker yet",
        next: "start a service that opens it, or check the path")
    }
  }

  /// Errors are thrown, and the command prints them once.
  private var quietLogger: Logger {
    var logger = Logger(label: "warren", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .critical
    return logger
  }
}
