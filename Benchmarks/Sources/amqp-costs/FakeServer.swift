internal import Foundation

/// The least of a broker: it confirms what it is sent, and hands out one message again and again. It serves one connection from
/// a thread of its own and allocates nothing for a message, so that what is counted in this process is the client.
final class FakeServer: @unchecked Sendable {
  let port: UInt16
  private let listener: Int32
  private var connection: Int32 = -1
  private var published: UInt64 = 0
  private var confirmed: UInt64 = 0
  private var acknowledged: UInt64 = 0
  private var delivered: UInt64 = 0
  private var consumerTag: [UInt8] = []
  /// A hundred deliveries, and where their tags are.
  private var deliveries: [UInt8] = []
  private var tagOffsets: [Int] = []

  init() throws {
    #if os(Linux)
      listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      listener = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let handle = listener
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(handle, $0, length) == 0 && listen(handle, 1) == 0 && getsockname(handle, $0, &length) == 0
      }
    }
    guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
  }

  func start() { Thread.detachNewThread { self.serve() } }

  private func serve() {
    connection = accept(listener, nil, nil)
    let capacity = 1 << 20
    let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
    var filled = 0
    var isGreeted = false
    while true {
      let count = read(connection, memory + filled, capacity - filled)
      guard count > 0 else { break }
      filled += count
      var offset = 0
      if !isGreeted {
        guard filled >= 8 else { continue }
        offset = 8
        isGreeted = true
        // Version 0-9, no properties, the mechanism and the locale.
        send(0, 10, 10, [0, 9, 0, 0, 0, 0, 0, 0, 0, 5] + Array("PLAIN".utf8) + [0, 0, 0, 5] + Array("en_US".utf8))
      }
      while filled - offset >= 8 {
        let frame = UnsafeRawPointer(memory + offset)
        let size = Int(frame.number(at: 3, UInt32.self))
        guard filled - offset >= size + 8 else { break }
        if frame.load(as: UInt8.self) == 1 { handle(frame + 7, size, on: frame.number(at: 1, UInt16.self)) }
        offset += size + 8
      }
      memory.copyMemory(from: memory + offset, byteCount: filled - offset)
      filled -= offset
      if published > confirmed {
        confirmed = published
        send(1, 60, 80, bytes(published) + [1])
      }
      if !consumerTag.isEmpty, acknowledged == delivered { deliver() }
    }
    memory.deallocate()
    close(connection)
    close(listener)
  }

  private func handle(_ method: UnsafeRawPointer, _ size: Int, on channel: UInt16) {
    switch (method.number(at: 0, UInt16.self), method.number(at: 2, UInt16.self)) {
    // Tune: 9 channels, frames of 128 KiB, no heartbeat.
    case (10, 11): send(0, 10, 30, [0, 9, 0, 2, 0, 0, 0, 0])
    case (10, 40): send(0, 10, 41, [0])
    case (10, 50): send(0, 10, 51, [])
    case (20, 10): send(channel, 20, 11, [0, 0, 0, 0])
    case (20, 40): send(channel, 20, 41, [])
    case (85, 10): send(channel, 85, 11, [])
    case (60, 10): send(channel, 60, 11, [])
    case (60, 20):
      let queue = Int(method.load(fromByteOffset: 6, as: UInt8.self))
      let length = Int(method.load(fromByteOffset: 7 + queue, as: UInt8.self))
      consumerTag = Array(UnsafeRawBufferPointer(start: method + 7 + queue, count: 1 + length))
      send(channel, 60, 21, consumerTag)
      prepareDeliveries(on: channel)
    case (60, 30):
      send(channel, 60, 31, consumerTag)
      consumerTag = []
    case (60, 40): published += 1
    case (60, 80): acknowledged = method.number(at: 4, UInt64.self)
    default: break
    }
  }

  private func prepareDeliveries(on channel: UInt16) {
    let body = [UInt8](repeating: UInt8(ascii: "x"), count: 128)
    for _ in 0..<100 {
      // Method: the tag of the consumer and of the delivery, not redelivered, no exchange, the routing key.
      let method: [UInt8] = [0, 60, 0, 60] + consumerTag + bytes(UInt64(0)) + [0, 0, 5] + Array("bench".utf8)
      tagOffsets.append(deliveries.count + 7 + 4 + consumerTag.count)
      deliveries += frame(1, channel, method)
      // Header: the class, the size of the body, one property (the delivery mode).
      deliveries += frame(2, channel, [0, 60, 0, 0] + bytes(UInt64(body.count)) + [0x10, 0, 2])
      deliveries += frame(3, channel, body)
    }
  }

  private func deliver() {
    deliveries.withUnsafeMutableBytes { bytes in
      for offset in tagOffsets {
        delivered += 1
        bytes.storeBytes(of: delivered.bigEndian, toByteOffset: offset, as: UInt64.self)
      }
      write(UnsafeRawBufferPointer(bytes))
    }
  }

  private func send(_ channel: UInt16, _ group: UInt16, _ method: UInt16, _ arguments: [UInt8]) {
    frame(1, channel, bytes(group) + bytes(method) + arguments).withUnsafeBytes { write($0) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Foundation.write(connection, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private func frame(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8]) -> [UInt8] {
    [type] + bytes(channel) + bytes(UInt32(payload.count)) + payload + [0xCE]
  }

  private func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}

extension UnsafeRawPointer {
  fileprivate func number<Number: FixedWidthInteger>(at offset: Int, _ type: Number.Type) -> Number {
    Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}
