import Foundation
import Spawning
import Testing

@Suite("warren dev") struct DevTests {
  @Test("broker, dashboard, mail server and the page of the mails, in one process that stops in good order")
  func whole() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("warren-dev-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let dev = try RunningCommand([
      "dev", "--data", folder.appendingPathComponent("desk").path, "--port", "0", "--mail-port", "0", "--smtp-port",
      "0",
    ])
    let broker = try await dev.first(/export WARREN_BROKER=.*/, in: \.output)
    let smtp = try await dev.first(/export SMTP_URL=smtp:\/\/127.0.0.1:([0-9]+)/, in: \.output).1
    // Either may be there first.
    var ports: [Substring: Substring] = [:]
    while ports.count < 2 {
      let (_, name, port) = try await dev.first(/(mails|dashboard) +http:\/\/127.0.0.1:([0-9]+)\//, in: \.errors)
      ports[name] = port
    }
    let (dashboard, mails) = (ports["dashboard"] ?? "", ports["mails"] ?? "")
    let curl = "curl --noproxy '*' -fsS --max-time 10"
    let visit = try await shell(
      """
      printf 'Subject: <Hello>\\r\\n\\r\\nTo you\\r\\n' >"$D/mail"
      \(curl) smtp://127.0.0.1:\(smtp) --mail-from a@example.org --mail-rcpt b@example.org -T "$D/mail"
      \(curl) http://127.0.0.1:\(mails)/ && \(curl) http://127.0.0.1:\(mails)/mails/1
      \(curl) http://127.0.0.1:\(dashboard)/api/v1/overview
      \(broker); "$WARREN" status
      curl --noproxy '*' -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example' http://127.0.0.1:\(mails)/
      """, environment: ["D": folder.path])
    #expect(visit.output.contains("b@example.org") && visit.output.contains("&lt;Hello&gt;"), "\(visit.output)")
    #expect(visit.output.contains("To you") && visit.output.contains("\"engine\":"), "\(visit.errors)")
    #expect(visit.output.hasSuffix("403"), "\(visit.output)")
    let ended = await dev.stop()
    #expect(ended.status == 0, "\(ended.errors)")
  }

  @Test("a port in use is named, and so is a broker that is not its own") func refuses() async throws {
    let other = try await warren(["dev", "--broker", "amqp://localhost"])
    #expect(other.status == 2 && other.errors.contains("warren dashboard"), "\(other.errors)")
  }
}
