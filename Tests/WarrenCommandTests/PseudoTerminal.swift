import Foundation
import Spawning

#if canImport(Glibc)
  import Glibc
#endif

/// Runs `warren` with all three ends on a terminal, as a person does.
///
/// - Parameter answers: what is typed, each when the output ends with its prompt.
func warrenOnTerminal(
  _ arguments: [String], typing answers: [(prompt: String, answer: String)] = [], environment: [String: String] = [:]
) async throws -> (status: Int32, screen: String) {
  let terminal = try PseudoTerminal()
  let process = try ChildProcess(
    executable(), arguments, environment: cleanEnvironment(["COLUMNS": "100"].merging(environment) { $1 }),
    input: .descriptor(terminal.person), output: .descriptor(terminal.person), errors: .descriptor(terminal.person))
  terminal.closePersonsEnd()
  let screen = await withCheckedContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(returning: terminal.converse(answers)) }
  }
  return (await process.end().status, screen.replacingOccurrences(of: "\r\n", with: "\n"))
}

/// A pair of descriptors: one is a terminal to the process, the other is its keyboard and screen.
final class PseudoTerminal: Sendable {
  private let keyboard: Int32
  let person: Int32

  struct Unavailable: Error {}

  init() throws {
    var (keyboard, screen) = (Int32(-1), Int32(-1))
    guard openpty(&keyboard, &screen, nil, nil, nil) == 0 else { throw Unavailable() }
    self.keyboard = keyboard
    person = screen
  }

  deinit { close(keyboard) }

  /// Only then does the screen end when the process does.
  func closePersonsEnd() { close(person) }

  /// Reads the screen to its end and types what is asked for.
  func converse(_ answers: [(prompt: String, answer: String)]) -> String {
    var left = answers[...]
    var screen: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(keyboard, &buffer, buffer.count)
      if count <= 0 { return String(decoding: screen, as: UTF8.self) }
      screen += buffer.prefix(count)
      if let next = left.first, String(decoding: screen, as: UTF8.self).hasSuffix(next.prompt) {
        left = left.dropFirst()
        _ = Array("\(next.answer)\n".utf8).withUnsafeBytes { write(keyboard, $0.baseAddress, $0.count) }
      }
    }
  }
}
