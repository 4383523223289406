internal import Foundation

/// Where file systems are mounted, as Linux's `/proc/self/mountinfo` has it.
///
/// A single file can be mounted, too: `docker run -v /srv/broker.db:/data/broker.db` does it, and so does Kubernetes with
/// `subPath`. Such a file has a second name that its count of links does not show.
struct MountTable {
  private let points: Set<String>

  init(_ text: String) {
    points = Set(
      text.split(separator: "\n").compactMap { line in
        // 36 35 98:0 /srv/broker.db /data/broker.db rw,noatime shared:1 - ext4 /dev/sda1 rw
        let words = line.split(separator: " ")
        return words.count > 4 ? Self.plain(words[4]) : nil
      })
  }

  /// That of this process; empty where the system has none.
  static var current: MountTable {
    // Its size is said to be 0: it has to be read to its end.
    let data = try? FileHandle(forReadingAtPath: "/proc/self/mountinfo")?.readToEnd()
    return MountTable(String(decoding: data ?? Data(), as: UTF8.self))
  }

  /// Whether something is mounted right there. The path is absolute and without links.
  func isMounted(at path: String) -> Bool { points.contains(path) }

  /// Without the escapes for spaces, tabs, line ends and backslashes: `\040`.
  private static func plain(_ word: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(word.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
