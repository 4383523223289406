// The article on large bodies: packed on their way out, unpacked on their way in.
import Foundation
import Warren
import WarrenSQLite

struct CatalogChanged: EventMessage {
  static let name: MessageName = "catalog.changed"
  var items: [String]
}

struct ImportFile: JobMessage {
  static let name: MessageName = "file.import"
  static let queue: Queue = "imports"
  static let compression: Compression? = .gzip(above: 1024)
  var lines: [String]
}

let broker = try SQLiteBroker(path: "broker.db")

let bus = EventBus(broker, exchange: .topic("shop"), source: "catalog", compression: .gzip(above: 8192))
try await bus.publish(CatalogChanged(items: ["a book", "a lamp"]))

func careful() throws -> Worker {
  var options = Worker.Options()
  options.unpackedLimit = 2 * 1024 * 1024
  return try Worker(broker, name: "imports", options: options) {
    On(ImportFile.self) { job, context in print(job.lines.count) }
  }
}
