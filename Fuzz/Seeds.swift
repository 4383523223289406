import Foundation
import NIOCore

/// Writes what the fuzzer starts from, made of the tests' samples: one folder a target, one file a seed.
@main
struct Seeds {
  static func main() throws {
    for method in Samples.methods {
      try add("method", try ByteBuffer { (writer) throws(WireError) in try method.write(to: &writer) })
      var frame = ByteBuffer()
      try FrameWriter.write(method, channel: method.id.classID == 10 ? 0 : 1, to: &frame)
      try add("frames", frame)
    }
    for table in tables {
      try add("table", try ByteBuffer { (writer) throws(WireError) in try TableCodec.write(table, to: &writer) })
    }
    for properties in properties {
      let written = try ByteBuffer { (writer) throws(WireError) in try PropertiesCodec.write(properties, to: &writer) }
      try add("properties", written)
      try add("frames", try message(properties))
    }
  }

  /// All types of field together, each alone, each in a list, and tables within tables.
  private static var tables: [AMQPTable] {
    var nested: AMQPTable = [:]
    for _ in 0..<31 { nested = ["t": .table(nested)] }
    return [[:], Samples.table, nested] + Samples.table.flatMap { [["k": $0.value], ["k": [$0.value, $0.value]]] }
  }

  /// All properties together, each alone, none.
  private static var properties: [AMQPProperties] {
    var all = AMQPProperties(
      contentType: "a", contentEncoding: "b", headers: Samples.table, deliveryMode: .transient, priority: 9,
      correlationID: "c", replyTo: "d", expiration: "e", messageID: "f", timestamp: .max, type: "g", userID: "h",
      appID: "i")
    all.clusterID = "j"
    var cluster = AMQPProperties()
    cluster.clusterID = "j"
    return [
      all, cluster, AMQPProperties(), AMQPProperties(contentType: "a"), AMQPProperties(contentEncoding: "b"),
      AMQPProperties(headers: [:]), AMQPProperties(deliveryMode: .persistent), AMQPProperties(priority: 0),
      AMQPProperties(correlationID: "c"), AMQPProperties(replyTo: "d"), AMQPProperties(expiration: "1"),
      AMQPProperties(messageID: "f"), AMQPProperties(timestamp: 0), AMQPProperties(type: "g"),
      AMQPProperties(userID: "h"), AMQPProperties(appID: ""),
    ]
  }

  /// A delivery in three pieces, with a heartbeat behind it.
  private static func message(_ properties: AMQPProperties) throws -> ByteBuffer {
    var buffer = ByteBuffer()
    let deliver = BasicDeliver(consumerTag: "c", deliveryTag: 1, redelivered: true, exchange: "e", routingKey: "k")
    try FrameWriter.write(.basicDeliver(deliver), channel: 1, to: &buffer)
    try FrameWriter.writeHeader(properties, bodySize: 20, channel: 1, to: &buffer)
    FrameWriter.writeBody(ByteBuffer(repeating: 7, count: 20), channel: 1, frameMax: 16, to: &buffer)
    buffer.writeBytes(FrameWriter.heartbeat)
    return buffer
  }

  nonisolated(unsafe) private static var count = 0

  private static func add(_ target: String, _ bytes: ByteBuffer) throws {
    let folder = URL(fileURLWithPath: CommandLine.arguments[1]).appendingPathComponent(target)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    count += 1
    try Data(bytes.readableBytesView).write(to: folder.appendingPathComponent("\(count)"))
  }
}
