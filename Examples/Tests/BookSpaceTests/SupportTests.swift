import CoreMetrics
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import Warren
import WarrenConnect

@testable import ExampleSupport

@Suite struct BrokerAddressTests {
  private let data = URL(filePath: "/data")

  private func choose(_ option: String?, _ environment: [String: String] = [:]) throws -> BrokerAddress {
    try .choose(option: option, environment: environment, data: data)
  }

  @Test func theOptionGoesFirstThenTheEnvironmentThenTheFile() throws {
    var environment = [
      "WARREN_BROKER": "sqlite:warren.db", "RABBITMQ_URL": "amqps://url", "RABBITMQ_HOST": "host",
      "RABBITMQ_PORT": "5673", "RABBITMQ_USER": "admin", "RABBITMQ_PASSWORD": "p@ss/word",
    ]
    #expect(try choose("sqlite:option.db", environment) == .sqlite(path: "option.db"))
    #expect(try choose(nil, environment) == .sqlite(path: "warren.db"))
    environment["WARREN_BROKER"] = ""
    #expect(try choose(nil, environment) == .rabbitMQ(url: "amqps://url"))
    environment["RABBITMQ_URL"] = nil
    #expect(try choose(nil, environment) == .rabbitMQ(url: "amqp://admin:p%40ss%2Fword@host:5673"))
    #expect(try choose(nil, ["RABBITMQ_HOST": "host"]) == .rabbitMQ(url: "amqp://host:5672"))
    #expect(try choose(nil) == .sqlite(path: "/data/broker.db"))
  }

  @Test(arguments: ["", "sqlite:", "broker.db", "http://user:secret@host"])
  func whatIsNoLocationIsRefusedWithoutShowingIt(_ text: String) {
    let error = #expect(throws: BrokerError.self) { try choose(text) }
    #expect(error?.description.contains("--broker") == true)
    #expect(error?.description.contains("secret") == false)
  }
}

@Suite struct PrometheusMetricsTests {
  @Test func writesTheTextFormat() {
    let metrics = PrometheusMetrics()
    for _ in 1...2 {
      metrics.makeCounter(label: "hb.requests", dimensions: [("http.route", "/a\"b\\\n")]).increment(by: 2)
    }
    metrics.makeRecorder(label: "depth", dimensions: [], aggregate: false).record(Int64(7))
    metrics.makeRecorder(label: "depth", dimensions: [], aggregate: false).record(2.5)
    metrics.makeTimer(label: "took", dimensions: [("queue", "q")]).recordNanoseconds(30_000_000)
    let lines = metrics.text.split(separator: "\n")
    #expect(lines.starts(with: ["# TYPE depth gauge", "depth 2.5", "# TYPE hb_requests counter"]))
    #expect(lines.contains(#"hb_requests{http_route="/a\"b\\\n"} 4"#))
    #expect(lines.contains("# TYPE took_seconds histogram"))
    #expect(lines.contains(#"took_seconds_bucket{queue="q",le="0.025"} 0"#))
    #expect(lines.contains(#"took_seconds_bucket{queue="q",le="0.05"} 1"#))
    #expect(lines.contains(#"took_seconds_bucket{queue="q",le="+Inf"} 1"#))
    #expect(lines.contains(#"took_seconds_sum{queue="q"} 0.03"#))
    #expect(lines.contains(#"took_seconds_count{queue="q"} 1"#))
  }

  @Test func aGaugeThatIsWithdrawnIsGoneAndACounterStays() {
    let metrics = PrometheusMetrics()
    let gauges = ["a", "b"].map { metrics.makeRecorder(label: "depth", dimensions: [("queue", $0)], aggregate: false) }
    for gauge in gauges { gauge.record(Int64(1)) }
    let counter = metrics.makeCounter(label: "count", dimensions: [])
    counter.increment(by: 1)
    metrics.destroyRecorder(gauges[0])
    metrics.destroyCounter(counter)
    #expect(metrics.text == "# TYPE count counter\ncount 1\n# TYPE depth gauge\ndepth{queue=\"b\"} 1\n")
  }
}

@Suite("What goes wrong with files, ports, logs and bodies") struct StartTests {
  private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test("A log that cannot be written ends nothing") func log() throws {
    let full = open("/dev/full", O_WRONLY)
    defer { close(full) }
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    close(ends[0])
    signal(SIGPIPE, SIG_IGN)
    for descriptor in [full, ends[1], -1] {
      let output = LogOutput(descriptor: descriptor)
      #expect(!output.write("lost"))
      let handler = LineLogHandler(label: "test", metadataProvider: nil, output: output)
      Logger(label: "test", factory: { _ in handler }).error("lost as well")
    }
    close(ends[1])
  }

  @Test("A data directory that cannot be is refused in a sentence that names it") func directory() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "bookspace-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    try DataDirectory.create(folder.appending(path: "a/b"))
    let file = folder.appending(path: "file")
    try Data().write(to: file)
    for directory in [file, file.appending(path: "deeper")] {
      let error = #expect(throws: StartError.self) { try DataDirectory.create(directory) }
      let text = error?.description ?? ""
      #expect(text.contains("'\(file.path)' is a file: choose another with --data"), "\(text)")
    }
  }

  @Test("A port that is in use is named, with the option that chooses another") func port() async throws {
    try await Application(router: ExampleSystem.router(), logger: quiet).test(.live) { client in
      let port = UInt16(try #require(client.port))
      let second = Application(
        router: ExampleSystem.router(), configuration: .init(address: .hostname("127.0.0.1", port: Int(port))),
        logger: quiet)
      let service = ListeningService(server: second, host: "127.0.0.1", port: port, option: "--port")
      let error = await #expect(throws: StartError.self) { try await service.run() }
      #expect(error?.description.contains("the port \(port) of 127.0.0.1 is in use") == true)
      #expect(error?.description.contains("--port") == true)
    }
  }

  @Test("Chunks that are none are a 400 in JSON") func malformedChunks() async throws {
    let router = ExampleSystem.router()
    router.post("echo") { request, _ in
      Response.json(try await request.json([String: String].self, hint: ""))
    }
    try await Application(router: router, logger: quiet).test(.live) { client in
      let port = try #require(client.port)
      for chunks in ["ZZ\r\n{}\r\n", "2\r\n{}XX5\r\n", "-1\r\n\r\n"] {
        let answer = try await answer(
          to: "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)", port: port)
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
      }
    }
  }

  /// What a server answers to these bytes.
  private func answer(to request: String, port: Int) async throws -> String {
    try await Task.detached {
      let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(connection) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(port).bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(connected == 0)
      let file = FileHandle(fileDescriptor: connection)
      try file.write(contentsOf: Data(request.utf8))
      return String(decoding: try file.read(upToCount: 4096) ?? Data(), as: UTF8.self)
    }.value
  }
}
