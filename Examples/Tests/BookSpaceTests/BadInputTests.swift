import GRDB
import HTTPTypes
import Testing

@testable import bookspace

@Suite struct BadInputTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var method = HTTPRequest.Method.post
    var path = "/v1/docs"
    var body: String?
    var user: String? = "user123"
    var status = HTTPResponse.Status.badRequest
    var code = "invalid_field"
    /// What the message has to name.
    var names: String
    var testDescription: String { "\(method) \(path) \(body?.prefix(40) ?? "") by \(user ?? "no user"): \(names)" }
  }

  static let cases: [Case] = [
    Case(body: #"{"title":"T"}"#, user: nil, status: .unauthorized, code: "missing_user", names: "x-user-id"),
    Case(body: #"{"title":"T"}"#, user: "  ", status: .unauthorized, code: "missing_user", names: "x-user-id"),
    Case(body: #"{"title":"T"}"#, user: String(repeating: "u", count: 101), names: "x-user-id"),
    Case(method: .get, path: "/v1/docs/x", user: nil, status: .unauthorized, code: "missing_user", names: "x-user-id"),
    Case(method: .get, path: "/v1/stats", user: nil, status: .unauthorized, code: "missing_user", names: "x-user-id"),

    Case(body: nil, code: "invalid_json", names: "body"),
    Case(body: "{", code: "invalid_json", names: "body"),
    Case(body: "title=T", code: "invalid_json", names: "body"),
    Case(body: "[]", code: "invalid_json", names: "body"),
    Case(body: "null", code: "invalid_json", names: "body"),
    Case(body: "\"T\"", code: "invalid_json", names: "body"),

    Case(body: "{}", names: "title"),
    Case(body: #"{"title":null}"#, names: "title"),
    Case(body: #"{"title":7}"#, names: "title must be a text"),
    Case(body: #"{"title":" \t ","content":"C"}"#, names: "title"),
    Case(body: #"{"title":"\u200b\u2060","content":"C"}"#, names: "title must not be blank"),
    Case(body: #"{"title":"a\u0000b","content":"C"}"#, names: "title"),
    Case(body: #"{"title":"a\nb","content":"C"}"#, names: "title"),
    Case(body: #"{"title":"\#(String(repeating: "t", count: 201))","content":"C"}"#, names: "title"),
    Case(
      body: #"{"title":"\#(String(repeating: "t", count: 10_000_000))"}"#, status: .contentTooLarge,
      code: "body_too_large", names: "title"),
    Case(body: #"{"title":"T"}"#, names: "content is missing"),
    Case(body: #"{"title":"T","content":" \n"}"#, names: "content must not be blank"),
    Case(body: #"{"title":"T","content":{}}"#, names: "content must be a text"),
    Case(body: #"{"title":"T","content":"a\u0000"}"#, names: "content"),
    Case(body: #"{"title":"T","content":"\#(String(repeating: "c", count: 100_001))"}"#, names: "content"),
    Case(body: #"{"title":"T","content":"C","tags":"api"}"#, names: "tags must be a list"),
    Case(body: #"{"title":"T","content":"C","tags":["api",1]}"#, names: "tags[1]"),
    Case(body: #"{"title":"T","content":"C","tags":[""]}"#, names: "tags[0]"),
    Case(
      body: #"{"title":"T","content":"C","tags":[\#((0...10).map { "\"\($0)\"" }.joined(separator: ","))]}"#,
      names: "tags"),

    Case(
      method: .put, path: "/v1/docs/unknown", body: #"{"title":"T"}"#, status: .notFound, code: "not_found",
      names: "unknown"),
    Case(method: .put, path: "/v1/docs/unknown", body: "{}", names: "title"),
    Case(method: .put, path: "/v1/docs/unknown", body: #"{"title":5}"#, names: "title"),
    Case(method: .get, path: "/v1/docs/unknown", status: .notFound, code: "not_found", names: "unknown"),
    Case(method: .get, path: "/v1/docs/unknown/comments", status: .notFound, code: "not_found", names: "unknown"),
    Case(
      path: "/v1/docs/unknown/comments", body: #"{"content":"C"}"#, status: .notFound, code: "not_found",
      names: "unknown"),
    Case(path: "/v1/docs/unknown/comments", body: #"{"content":" "}"#, names: "content"),
    Case(path: "/v1/docs/unknown/comments", body: "{}", names: "content"),

    Case(method: .get, path: "/v1/docs/search", names: "q"),
    Case(method: .get, path: "/v1/docs/search?q=", names: "q"),
    Case(method: .get, path: "/v1/docs/search?q=%20", names: "q"),

    Case(path: "/v1/users", body: #"{"name":"Ada"}"#, names: "email"),
    Case(path: "/v1/users", body: #"{"name":"Ada","email":"ada"}"#, names: "email"),
    Case(path: "/v1/users", body: #"{"name":"Ada","email":"a@b@c.d"}"#, names: "email"),
    Case(path: "/v1/users", body: #"{"name":"","email":"ada@example.org"}"#, names: "name"),

    Case(method: .get, path: "/v1/nothing", status: .notFound, code: "not_found", names: "/v1/nothing"),
    Case(method: .patch, path: "/v1/docs/x", status: .notFound, code: "not_found", names: "/v1/docs/x"),
  ]

  @Test(arguments: cases) func isRefusedWithAClearErrorAndLeavesNothing(_ bad: Case) async throws {
    try await Stage.set { stage in
      try await stage.api { client in
        let answer = try await client.send(bad.method, bad.path, bad.body, as: bad.user)
        #expect(answer.status == bad.status, "\(answer.text.prefix(200))")
        #expect(answer.code == bad.code)
        #expect(answer.message.contains(bad.names), "\(answer.message)")
        #expect(answer.message.count < 300)
      }
      #expect(stage.broker.publications.isEmpty)
      let rows = try await stage.store.database.read { db in
        try ["documents", "comments", "users", "notifications", "warren_outbox"].map { table in
          try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)")
        }
      }
      #expect(rows == [0, 0, 0, 0, 0])
    }
  }
}
