import Foundation
import Synchronization

/// A real SMTP server in a process of its own (`smtp_server.py`), and what it took.
final class MailServer: Sendable {
  struct Taken: Decodable {
    var from: String
    var to: [String]
    var helo: String
    var data: String
  }
  private struct Start: Decodable { var port: Int }

  let port: Int
  private let process: Process
  private let output: FileHandle
  private let input: Pipe

  /// Starts it; `arguments` are those of the script.
  init(_ arguments: String...) throws {
    process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "smtp_server.py")
    process.arguments = [script.path] + arguments
    let out = Pipe()
    input = Pipe()
    process.standardOutput = out
    process.standardInput = input
    try process.run()
    output = out.fileHandleForReading
    guard let line = Self.line(output) else { throw CocoaError(.fileReadUnknown) }
    port = try JSONDecoder().decode(Start.self, from: line).port
  }

  deinit { stop() }

  /// Ends the server and frees its port.
  func stop() {
    try? input.fileHandleForWriting.close()
    if process.isRunning {
      process.terminate()
      process.waitUntilExit()
    }
  }

  /// The next mail that it took. Waits for it.
  func next() throws -> Taken {
    guard let line = Self.line(output) else { throw CocoaError(.fileReadUnknown) }
    return try JSONDecoder().decode(Taken.self, from: line)
  }

  private static func line(_ output: FileHandle) -> Data? {
    var line = Data()
    while let byte = try? output.read(upToCount: 1), let first = byte.first {
      if first == UInt8(ascii: "\n") { return line }
      line.append(first)
    }
    return nil
  }
}

/// A certificate for `localhost` and 127.0.0.1 that lasts a day, made by openssl.
struct Certificate {
  let file: String
  let key: String

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "warren-mail-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    file = folder.appending(path: "certificate.pem").path
    key = folder.appending(path: "key.pem").path
    let openssl = Process()
    openssl.executableURL = URL(filePath: "/usr/bin/openssl")
    openssl.arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", file, "-keyout", key,
    ]
    openssl.standardError = FileHandle.nullDevice
    try openssl.run()
    openssl.waitUntilExit()
    guard openssl.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
