import Foundation
import Spawning
import Testing

@Suite("warren dev") struct DevTests {
  /// The first text between two others, once the process has printed it.
  private func port(after word: String, in file: URL) async throws -> Int {
    for _ in 0..<2000 {
      let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
      if let range = text.range(of: word) {
        let digits = text[range.upperBound...].prefix { $0.isNumber }
        if let port = Int(digits), text[range.upperBound...].dropFirst(digits.count).first != nil { return port }
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw CocoaError(.fileReadUnknown)
  }

  @Test("broker, dashboard, mail server and the page of the mails, in one process that stops in good order")
  func whole() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("warren-dev-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let script = """
      "$WARREN" dev --data "$D/desk" --port 0 --mail-port 0 --smtp-port 0 >"$D/out" 2>"$D/err" & echo $! >"$D/pid"; wait $!
      """
    async let ended = shell(script, environment: ["D": folder.path])
    let smtp = try await port(after: "SMTP_URL=smtp://127.0.0.1:", in: folder.appendingPathComponent("out"))
    let dashboard = try await port(after: "dashboard   http://127.0.0.1:", in: folder.appendingPathComponent("err"))
    let mails = try await port(after: "mails           http://127.0.0.1:", in: folder.appendingPathComponent("err"))
    let curl = "curl --noproxy '*' -fsS --max-time 10"
    let visit = try await shell(
      """
      printf 'Subject: <Hello>\\r\\n\\r\\nTo you\\r\\n' >"$D/mail"
      \(curl) smtp://127.0.0.1:\(smtp) --mail-from a@example.org --mail-rcpt b@example.org -T "$D/mail"
      \(curl) http://127.0.0.1:\(mails)/ && \(curl) http://127.0.0.1:\(mails)/mails/1
      \(curl) http://127.0.0.1:\(dashboard)/api/v1/overview
      . "$D/out"; "$WARREN" status
      curl --noproxy '*' -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example' http://127.0.0.1:\(mails)/
      """, environment: ["D": folder.path])
    #expect(visit.output.contains("b@example.org") && visit.output.contains("&lt;Hello&gt;"), "\(visit.output)")
    #expect(visit.output.contains("To you") && visit.output.contains("\"engine\":"), "\(visit.errors)")
    #expect(visit.output.hasSuffix("403"), "\(visit.output)")
    _ = try await shell("kill -TERM $(cat \"$D/pid\")", environment: ["D": folder.path])
    let status = try await ended
    #expect(
      status.status == 0, "\((try? String(contentsOf: folder.appendingPathComponent("err"), encoding: .utf8)) ?? "")")
  }

  @Test("a port in use is named, and so is a broker that is not its own") func refuses() async throws {
    let other = try await warren(["dev", "--broker", "amqp://localhost"])
    #expect(other.status == 2 && other.errors.contains("warren dashboard"), "\(other.errors)")
  }
}
