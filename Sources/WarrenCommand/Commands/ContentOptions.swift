internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

/// The content of a message, and what travels with it.
struct ContentOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The content as JSON, or - to read it from stdin (default: {}).", valueName: "json|-"))
  var data: String?
  @Option(name: .customLong("header"), help: ArgumentHelp("A header; may be repeated.", valueName: "name=value"))
  var headers: [HeaderArgument] = []
  @Option(help: ArgumentHelp("An id of your own; it only tells the message apart.", valueName: "id")) var id: MessageID?
  @Option(help: ArgumentHelp("Which message goes first, 0 to 9.", valueName: "number")) var priority: UInt8 = 4
  @Option(help: ArgumentHelp("Who publishes it.", valueName: "name")) var source = "warren"
  @Flag(help: "Publish the content alone, without Warren's envelope of type, timestamp and data.") var plain = false

  func validate() throws {
    if priority > 9 { throw ValidationError("--priority: 0 to 9") }
    try HeaderArgument.refuseRepeated(headers)
  }

  /// Says what the engine makes of these options that it cannot keep.
  func note(_ broker: any Broker) {
    if priority != Priority.normal.rawValue, !broker.capabilities.ordersByPriority {
      StandardError.print("note: \(broker.capabilities.engine) does not order by priority")
    }
  }

  /// The JSON of `--data`, or that of stdin for `-`.
  static func document(_ data: String) throws -> JSONText {
    let text = data == "-" ? String(decoding: try Input.read("-"), as: UTF8.self) : data
    do throws(JSONTextError) { return try JSONText(parsing: text) } catch {
      throw CommandError(
        .usage, "--data is not JSON: \(error)",
        next: "quote it for the shell, such as --data '{\"id\": 7}', or use --data -")
    }
  }

  func composition(_ name: MessageName) throws -> Composition {
    return Composition(
      name, data: try Self.document(data ?? "{}"), isPlain: plain,
      headers: Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }), id: id,
      priority: Priority(integerLiteral: priority))
  }
}
