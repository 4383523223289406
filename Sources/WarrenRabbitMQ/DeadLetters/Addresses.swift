internal import AMQP
internal import NIOCore
internal import Warren

/// Gives each message of a queue an address that it keeps from look to look. It is made of the message itself; of messages that are
/// alike in everything, which need not be told apart, the second has `.2` behind it.
struct Addresses {
  private let queue: String
  private var counts: [UInt64: Int] = [:]

  init(_ queue: QueueName) { self.queue = queue.rawValue }

  /// The address of the next message in the queue. Each has to be asked for, in order.
  mutating func next(_ delivery: AMQPDelivery) -> MessageID {
    let hash = Self.hash(delivery, in: queue)
    let number = counts[hash, default: 0] + 1
    counts[hash] = number
    let text = String(hash, radix: 16)
    let address = "@" + String(repeating: "0", count: 16 - text.count) + text
    return MessageID(number == 1 ? address : "\(address).\(number)")
  }

  private static func hash(_ delivery: AMQPDelivery, in queue: String) -> UInt64 {
    var hash = FNV()
    let properties = delivery.properties
    hash.add(queue)
    hash.add(delivery.exchange)
    hash.add(delivery.routingKey)
    for text in [
      properties.messageID, properties.type, properties.correlationID, properties.replyTo, properties.contentType,
      properties.appID, properties.timestamp.map { "\($0)" },
    ] { hash.add(text ?? "") }
    // What a look changes, and what a client notes for itself, is not the message's own.
    let notes: Set = ["x-delivery-count", "x-acquired-count", "x-republished", "x-publish-sequence"]
    for (name, value) in delivery.headers where !notes.contains(name) {
      hash.add(name)
      hash.add(value.text)
    }
    delivery.body.withUnsafeReadableBytes { hash.add($0) }
    return hash.value
  }
}

/// FNV-1a, eight bytes at a time.
private struct FNV {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var index = 0
    while index + 8 <= bytes.count {
      mix(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian)
      index += 8
    }
    while index < bytes.count {
      mix(UInt64(bytes[index]))
      index += 1
    }
    mix(UInt64(bytes.count))
  }

  private mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01b3
    // Of a word's upper bytes the multiplication loses all but what is brought down.
    value ^= value >> 32
  }
}
