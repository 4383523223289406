internal import Foundation

/// What this process has in memory, in megabytes of 1,048,576 bytes. Zero on other systems than Linux.
package struct Memory {
  /// Now.
  package var resident = 0.0
  /// The most so far.
  package var most = 0.0

  package static var now: Memory {
    var memory = Memory()
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    for line in status.split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count > 1, let kilobytes = Double(words[1]) else { continue }
      if words[0] == "VmRSS:" { memory.resident = kilobytes / 1024 }
      if words[0] == "VmHWM:" { memory.most = kilobytes / 1024 }
    }
    return memory
  }
}
