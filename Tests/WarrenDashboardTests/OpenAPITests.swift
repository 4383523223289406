import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

/// `Assets/openapi.json` is written by hand: these tests keep it true.
@Suite("The description of the API") struct OpenAPITests {
  private typealias Object = [String: Any]
  private static let prefix = "api/v1/"

  private func description() throws -> Object {
    try #require(try JSONSerialization.jsonObject(with: API.description) as? Object)
  }

  private func operations(_ document: Object) throws -> [String: Object] {
    var operations: [String: Object] = [:]
    for (path, methods) in try #require(document["paths"] as? [String: Object]) {
      for (method, operation) in methods { operations["\(method.uppercased()) \(path)"] = operation as? Object }
    }
    return operations
  }

  @Test("it has every route, and no other; its names are told once") func routes() throws {
    let operations = try operations(try description())
    let routes = RouteTable.routes.filter(\.isAPI).map { "\($0.method) /\($0.path.dropFirst(Self.prefix.count))" }
    #expect(Set(operations.keys) == Set(routes))
    let names = operations.values.compactMap { $0["operationId"] as? String }
    #expect(Set(names).count == routes.count)
  }

  @Test("it is served beside what it describes") func served() async throws {
    try await Stage.run { stage in
      let answer = try await stage.get("api/v1/openapi.json", as: "observer")
      #expect(answer.status == .ok && Data(answer.body.readableBytesView) == API.description)
    }
  }

  @Test("what a form needs is described, with all that it may have") func forms() throws {
    let operations = try operations(try description())
    for (path, form) in AccessTests.forms {
      guard let operation = operations["POST /\(path)"] else {
        #expect(path.hasSuffix("/reveal"), "\(path)")
        continue
      }
      let schema = try #require(
        value(operation, "requestBody", "content", "application/json", "schema") as? Object, "\(path)")
      let known = Set((schema["properties"] as? Object ?? [:]).keys)
      let given = Set(form.map(\.0)).subtracting(["all"])
      #expect(given.isSubset(of: known), "\(path): \(given.subtracting(known))")
      #expect(Set(schema["required"] as? [String] ?? []).isSubset(of: given), "\(path)")
    }
  }

  @Test("every answer is as it is described, with nothing beside it") func answers() async throws {
    let document = try description()
    let schemas = try #require(value(document, "components", "schemas") as? Object)
    let operations = try operations(document)
    let addresses = [
      "queue": "name=mail", "messages": "queue=mail", "message": "id=w1", "dead-letter": "id=m1", "operation": "id=op",
    ]
    nonisolated(unsafe) let (all, types) = (operations, schemas)
    try await Stage.run { stage in
      try await fill(stage)
      // A worker, so that there is one to show.
      try await stage.broker.consume("audit", prefetch: 1) { _ in
        for (name, operation) in all where name.hasPrefix("GET ") && name != "GET /openapi.json" {
          let path = String(name.dropFirst("GET /".count))
          let answer = try await stage.get(Self.prefix + path + (addresses[path].map { "?\($0)" } ?? ""))
          #expect(answer.status == .ok, "\(path)")
          let schema = value(operation, "responses", "200", "content", "application/json", "schema") as? Object
          let shown = try JSONSerialization.jsonObject(
            with: Data(answer.body.readableBytesView), options: .fragmentsAllowed)
          let complaints = Self.complaints(shown, try #require(schema), types, at: path)
          #expect(complaints.isEmpty, "\(complaints)")
          if let list = shown as? [Any] { #expect(!list.isEmpty, "\(path) shows nothing that could be checked") }
        }
      }
      let schema = try #require(types["Done"] as? Object)
      let done = try await stage.json("api/v1/queue/pause", [("name", "mail")])
      #expect(
        Self.complaints(
          try JSONSerialization.jsonObject(with: Data(done.body.readableBytesView)), schema, types, at: ""
        ).isEmpty)
      let failed = try await stage.json("api/v1/queue/pause", [("name", "none")])
      let error = try #require(types["Error"] as? Object)
      #expect(failed.status == .notFound)
      #expect(
        Self.complaints(
          try JSONSerialization.jsonObject(with: Data(failed.body.readableBytesView)), error, types, at: ""
        ).isEmpty
      )
    }
  }

  /// Something of everything that can be shown.
  private func fill(_ stage: Stage) async throws {
    let message = Message(id: "w1", name: "email.send", body: Data("{}".utf8), timestamp: stage.broker.clock.now)
    try await stage.park(["m1", "m2", "deleted"])
    _ = try await stage.broker.deleteDeadLetters(DeadLetterSelection(ids: ["deleted"]))
    _ = try await stage.broker.publish([Publication(message, to: .queue("mail"))])
    try await OperatingPageTests.schedule(stage)
    try await stage.broker.keep(
      BulkOperation(
        id: "op", action: .replay, selection: DeadLetterSelection(), filter: "", actor: "ann", runner: "a",
        started: stage.broker.clock.now, total: 1, rate: 1, succession: .automatic))
    _ = try await stage.post("queue/pause", [("name", "mail")])
  }

  private func value(_ object: Object, _ path: String...) -> Any? {
    path.reduce(object as Any?) { ($0 as? Object)?[$1] }
  }

  /// Where a value is not as a schema says: as much of JSON Schema as the description uses.
  private static func complaints(_ value: Any, _ schema: Object, _ types: Object, at place: String) -> [String] {
    if let name = schema["$ref"] as? String {
      let named = types[name.split(separator: "/").last.map(String.init) ?? ""] as? Object
      return named.map { complaints(value, $0, types, at: place) } ?? ["\(place): there is no \(name)"]
    }
    if let choices = schema["oneOf"] as? [Object] {
      let all = choices.map { complaints(value, $0, types, at: place) }
      return all.contains([]) ? [] : all.first ?? []
    }
    let kinds = schema["type"] as? [String] ?? [schema["type"] as? String ?? "none"]
    guard kinds.contains(where: { isOf(value, $0) }) else { return ["\(place): \(value) is none of \(kinds)"] }
    if let known = schema["enum"] as? [String], let text = value as? String, !known.contains(text) {
      return ["\(place): \(text) is none of \(known)"]
    }
    if let list = value as? [Any], let items = schema["items"] as? Object {
      return list.flatMap { complaints($0, items, types, at: place + "[]") }
    }
    guard let object = value as? Object else { return [] }
    let missing = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }.map { "\(place): no \($0)" }
    guard let properties = schema["properties"] as? [String: Object] else { return missing }
    return missing
      + object.flatMap { name, value in
        properties[name].map { complaints(value, $0, types, at: "\(place).\(name)") }
          ?? ["\(place): \(name) is not described"]
      }
  }

  private static func isOf(_ value: Any, _ kind: String) -> Bool {
    switch kind {
    case "null": value is NSNull
    case "string": value is String
    case "array": value is [Any]
    case "object": value is Object
    case "boolean": isBoolean(value)
    case "integer": (value as? NSNumber).map { !isBoolean($0) && $0.doubleValue.rounded() == $0.doubleValue } ?? false
    case "number": value is NSNumber && !isBoolean(value)
    default: false
    }
  }

  /// JSONSerialization gives truth values as numbers, too.
  private static func isBoolean(_ value: Any) -> Bool {
    (value as? NSNumber).map { String(cString: $0.objCType) == "c" || String(cString: $0.objCType) == "B" } ?? false
  }
}
