import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("The server of its own") struct ServerTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test("it does not open to others without a password, nor with a short one")
  func refuses() throws {
    let dashboard = Dashboard(try TestBroker(), logger: logger)
    #expect(throws: BrokerError.self) { try DashboardServer(dashboard, .init(host: "0.0.0.0"), logger: logger) }
    #expect(throws: BrokerError.self) {
      try DashboardServer(dashboard, .init(host: "0.0.0.0", password: "short"), logger: logger)
    }
    _ = try DashboardServer(dashboard, .init(), logger: logger)
    let configuration = DashboardServer.Configuration(host: "0.0.0.0", password: "long enough")
    let server = try DashboardServer(dashboard, configuration, logger: logger)
    var shown = "\(configuration) \(server)"
    dump((configuration, server), to: &shown)
    #expect(!shown.contains("long enough"))
  }

  @Test("without a password only names of this machine are answered")
  func names() {
    for name in ["localhost:7072", "127.0.0.1", "[::1]:7072", "LOCALHOST"] {
      #expect(DashboardServer.isThisMachine(name), "\(name)")
    }
    for name in ["evil.example", "localhost.evil.example:7072", "127.0.0.1.evil.example", "", "10.0.0.1"] {
      #expect(!DashboardServer.isThisMachine(name), "\(name)")
    }
    #expect(!DashboardServer.isThisMachine(nil))
  }

  @Test("with a password the right one lets in, under the name that was given")
  func password() async throws {
    let broker = try TestBroker()
    let router = DashboardServer.router(
      Dashboard(broker, logger: logger), .init(role: .viewer, password: "open sesame"))
    let application = Application(router: router, logger: logger)
    try await broker.withBroker { _ in
      try await application.test(.router) { client in
        func status(_ login: String?) async throws -> TestResponse {
          let headers: HTTPFields =
            login.map { [.authorization: "Basic \(Data($0.utf8).base64EncodedString())"] } ?? [:]
          return try await client.execute(uri: "/", method: .get, headers: headers)
        }
        let none = try await status(nil)
        #expect(none.status == .unauthorized && none.headers[.wwwAuthenticate]?.hasPrefix("Basic") == true)
        for wrong in ["ann:open", "ann:open sesame2", "ann", "ann:"] {
          #expect(try await status(wrong).status == .unauthorized)
        }
        let page = try await status("ann:open sesame")
        #expect(page.status == .ok && String(buffer: page.body).contains("ann"))
      }
    }
  }

  @Test("a port that is in use is told by the system's code, and not by a text") func inUse() async throws {
    let broker = try TestBroker()
    let dashboard = Dashboard(broker, logger: logger)
    try await broker.withBroker { _ in
      let (ports, port) = AsyncStream.makeStream(of: Int.self)
      let first = try DashboardServer(dashboard, .init(port: 0), logger: logger) { port.yield($0) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await first.run() }
        for await taken in ports {
          let second = try DashboardServer(dashboard, .init(port: taken), logger: logger)
          let error = await #expect(throws: DashboardServer.ListeningError.self) { try await second.run() }
          #expect(error?.code == EADDRINUSE && error?.description == "the port \(taken) of 127.0.0.1 is in use")
          break
        }
        group.cancelAll()
      }
      let nowhere = try DashboardServer(dashboard, .init(host: "192.0.2.1", password: "long enough"), logger: logger)
      await #expect(throws: DashboardServer.ListeningError(host: "192.0.2.1", port: 7072, code: EADDRNOTAVAIL)) {
        try await nowhere.run()
      }
    }
  }
}
