internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What a program writes into a pipe, read on a thread of its own as it comes. One task reads at a time.
public final class PipeReader: Sendable {
  private let chunks: AsyncStream<[UInt8]>
  private let unread = Mutex<[UInt8]>([])

  init(_ descriptor: Int32) {
    let (chunks, continuation) = AsyncStream<[UInt8]>.makeStream()
    self.chunks = chunks
    Thread.detachNewThread {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { break }
        continuation.yield(Array(buffer.prefix(count)))
      }
      close(descriptor)
      continuation.finish()
    }
  }

  /// The next line without its end; `nil` once the program has closed its end and nothing is left.
  public func line() async -> String? {
    while true {
      let line = unread.withLock { bytes -> [UInt8]? in
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = Array(bytes[..<end])
        bytes.removeFirst(end + 1)
        return line
      }
      if let line { return String(decoding: line, as: UTF8.self) }
      guard let chunk = await next() else { break }
      unread.withLock { $0 += chunk }
    }
    let rest = takeUnread()
    return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
  }

  /// All that is not read yet, to the end.
  public func text() async -> String {
    var bytes = takeUnread()
    while let chunk = await next() { bytes += chunk }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func next() async -> [UInt8]? {
    var iterator = chunks.makeAsyncIterator()
    return await iterator.next()
  }
  private func takeUnread() -> [UInt8] {
    unread.withLock { bytes in
      defer { bytes = [] }
      return bytes
    }
  }
}
