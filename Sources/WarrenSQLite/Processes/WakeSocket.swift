internal import Dispatch
internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A datagram socket in a directory, for waking the process that receives at it, or telling it something in a few words.
///
/// The name of a socket has room for about a hundred bytes only. On Linux the directory is named by its descriptor, so that
/// its own path may be as long as it likes.
final class WakeSocket: Sendable {
  private let directory: Int32
  private let descriptor: Int32
  private let path: String
  private let source: Mutex<Cancellable?> = Mutex(nil)
  private let isClosed = Atomic(false)

  /// Receives, and gets the words, of which there are none when it is only to wake. `nil` where that is not possible.
  init?(receivingIn directory: String, as name: String, _ action: @escaping @Sendable ([Data]) -> Void) {
    guard let opened = Self.openBoth(directory) else { return nil }
    (self.directory, descriptor) = opened
    path = directory
    guard Self.with(address: Self.place(of: name, opened.directory, directory), { bind(opened.socket, $0, $1) }) == 0
    else {
      Self.closeBoth(opened)
      return nil
    }
    let source = DispatchSource.makeReadSource(fileDescriptor: opened.socket, queue: .global())
    source.setEventHandler {
      var bytes = [UInt8](repeating: 0, count: Self.longest)
      var words: [Data] = []
      while case let count = recv(opened.socket, &bytes, bytes.count, dontWait), count >= 0 {
        if count > 1 { words.append(Data(bytes[..<count])) }
      }
      action(words)
    }
    // The descriptors must outlive the last event.
    source.setCancelHandler { Self.closeBoth(opened) }
    source.activate()
    let cancellable = Cancellable(source)
    self.source.withLock { $0 = cancellable }
  }

  /// Only wakes other processes. `nil` where that is not possible.
  init?(sendingTo directory: String) {
    guard let opened = Self.openBoth(directory) else { return nil }
    (self.directory, descriptor) = opened
    path = directory
  }

  deinit { close() }

  /// Wakes the process that receives under this name. That there is none, or that it has been woken already, is no error.
  /// `false` when it did not get there.
  @discardableResult
  func wake(_ name: String) -> Bool { send([1], to: name) || errno == EAGAIN }

  /// Tells the process that receives under this name; `false` when it did not get there.
  func tell(_ words: Data, to name: String) -> Bool { words.count <= Self.longest && send(Array(words), to: name) }

  private static let longest = 4096

  private func send(_ bytes: [UInt8], to name: String) -> Bool {
    Self.with(address: Self.place(of: name, directory, path)) { address, length in
      Int32(sendto(descriptor, bytes, bytes.count, dontWait, address, length))
    } >= 0
  }

  func close() {
    if isClosed.exchange(true, ordering: .relaxed) { return }
    let source = self.source.withLock { source in
      defer { source = nil }
      return source
    }
    if let source { source.cancel() } else { Self.closeBoth((directory, descriptor)) }
  }

  private static func openBoth(_ path: String) -> (directory: Int32, socket: Int32)? {
    let directory = openFile(path, O_RDONLY | O_CLOEXEC)
    if directory < 0 { return nil }
    let opened = openDatagramSocket()
    if opened < 0 {
      closeBoth((directory, -1))
      return nil
    }
    return (directory, opened)
  }

  private static func closeBoth(_ opened: (directory: Int32, socket: Int32)) {
    closeFile(opened.directory)
    if opened.socket >= 0 { closeFile(opened.socket) }
  }

  private static func place(of name: String, _ directory: Int32, _ path: String) -> String {
    #if os(Linux)
      "/proc/self/fd/\(directory)/\(name)"
    #else
      "\(path)/\(name)"
    #endif
  }

  /// Runs `body` with an address; -1 when it does not fit.
  @discardableResult
  private static func with(
    address path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { place in
      if bytes.count >= place.count { return false }
      place.copyBytes(from: bytes)
      return true
    }
    if !fits { return -1 }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}

/// An active source that is only to be cancelled, from any thread.
struct Cancellable: @unchecked Sendable {
  private let source: any DispatchSourceProtocol
  init(_ source: any DispatchSourceProtocol) { self.source = source }
  func cancel() { source.cancel() }
}

// The socket has methods with the names of these system calls.

private func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }

private func closeFile(_ descriptor: Int32) { _ = close(descriptor) }

private func openDatagramSocket() -> Int32 {
  #if canImport(Glibc)
    socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  #elseif canImport(Musl)
    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  #else
    socket(AF_UNIX, SOCK_DGRAM, 0)
  #endif
}

#if canImport(Darwin)
  private let dontWait = MSG_DONTWAIT
#else
  private let dontWait = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
#endif
