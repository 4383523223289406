import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenOperations
import WarrenTesting

@Suite("Filters") struct FilterTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func read(_ text: String) throws(FilterError) -> MessageFilter {
    try MessageFilter(parsing: text, now: now)
  }

  /// A dead letter of `email`, parked two hours ago.
  private var letter: DeadLetter {
    var letter = DeadLetter.example(
      "m-1", detail: "MailError: connection refused, try [later]?",
      failures: [
        Failure(time: now, attempt: 1, error: "Timeout", message: "no answer from \"mx1\"", worker: "w"),
        Failure(time: now, attempt: 2, error: "MailError", message: "connection refused", worker: "w"),
      ],
      headers: ["x-user": "u 7", "size": "12"],
      body: """
        {"type":"email.send","timestamp":"2026-11-26T00:00:00Z","data":{"user":{"id":12345678901234567890},"n":4.50,
        "to":["ann@example.org","bob@example.org"],"empty":"","text":"Straße, \\"quoted\\"","type":"inner"}}
        """)
    letter.origin = "email"
    letter.queue = "email.dlq"
    letter.message.source = "shop"
    letter.time = now.addingTimeInterval(-7200)
    return letter
  }

  @Test("a time with milliseconds is written and read again as the same one") func milliseconds() throws {
    let second = 1_795_000_000_000.0
    for millisecond in 0..<1000 {
      var filter = MessageFilter()
      filter.conditions = [MessageCondition(.time, .compares(.lessOrEqual, second + Double(millisecond)))]
      guard case .compares(_, let limit)? = try read(filter.text).conditions.first?.test else {
        Issue.record("\(filter.text) is read as something else")
        return
      }
      #expect(limit.rounded() == second + Double(millisecond), "\(filter.text)")
    }
  }

  @Test(
    "a filter finds",
    arguments: [
      "", "queue:email", "queue:email.dlq", "queue:email,other", "origin:email", "queue:e*l", "name:email.*",
      "name=email.send",
      "name:other,email.send", "id:m-1", "reason:exhausted", "reason:expired,exhausted", "error~timeout",
      "error~\"mx1\\\"\"",
      "error~CONNECTION", "age>1h", "age<3h", "age>=2h", "age<=2h", "-age>2h", "time>2027-01-01T00:00:00Z",
      "time<=2027-01-15T06:00:00.000Z", "attempts=4", "attempts>3", "attempts:3,4", "attempts!=3", "replays=0",
      "header.size>=12", "header.x-user=\"u 7\"", "header.none=\"\"", "data.user.id=12345678901234567890",
      "data.user.id:123456789*", "data.n=4.50", "data.n>4.4", "data.n<5", "data.to.1=bob@example.org", "data.to~ann",
      "data.empty=\"\"", "data.text~straße", "data.type=inner", "-data.none~x", "source:shop", "-source:test",
      "source!=test",
      "refused", "\"connection refused\"", "email.send", "\"u 7\"", "\"Straße, \\\\\\\"quoted\"", "key:*",
      "-name:other",
      "queue:email error~timeout age>1h name:email.* reason:exhausted data.user.id=12345678901234567890 \"try [later]?\"",
    ])
  func finds(text: String) throws {
    #expect(try read(text).matches(letter))
    // What is turned round finds the others.
    let filter = try read(text)
    for condition in filter.conditions {
      var turned = condition
      turned.isNegated.toggle()
      #expect(!MessageFilter([turned]).matches(letter), "\(text)")
    }
  }

  @Test(
    "a filter does not find",
    arguments: [
      "queue:mail", "queue:email2,emai", "origin:email.dlq", "name:email", "name=email.*", "name:*.sen",
      "name:em*em*il*",
      "reason:expired", "error~nothing", "age<1h", "age>3h", "age>2h", "attempts<4",
      "data.user.id=12345678901234567891",
      "data.user.id=1234567890123456789", "data.n=4.5", "data.n>4.5", "data.to.2~bob", "data.user.none=1",
      "data.empty.x=1",
      "header.size<12", "-refused", "nowhere", "data.text=\"Straße\"", "queue:email name:other",
    ])
  func doesNotFind(text: String) throws { #expect(try !read(text).matches(letter)) }

  @Test(
    "a filter that is written and read again is the same",
    arguments: [
      "queue:email error~timeout age>1h name:booking.* reason:expired data.user.id=42 \"free text\"",
      "-a \"b \\\" \\\\ c\"",
      "name=a,\"b c\",\"d,e\" source!=x", "time>2026-11-26T08:15:00.125Z", "data.n>1.5 data.n<-3 header.x~\"\\\\\"",
      "name:\"*\"",
      "attempts>=2 -attempts=3,4",
    ])
  func writing(text: String) throws {
    let filter = try read(text)
    #expect(try MessageFilter(parsing: filter.text, now: .distantPast) == filter, "\(filter.text)")
  }

  @Test(
    "what is wrong is said, and where",
    arguments: [
      ("que:email", 1, "no field 'que'"), ("name:", 6, "a value is missing after 'name:'"),
      ("name:a,", 8, "a value is missing after ','"), ("a \"b", 3, "the quotation has no end"),
      ("\"a\\n\"", 4, "must be followed"), ("age>soon", 5, "no age"), ("age:1h", 1, "an age is compared with < or >"),
      ("time>today", 6, "ISO 8601"), ("attempts>x", 10, "no whole number"), ("name>x", 1, "is a text"),
      ("data=1", 1, "a path"), ("data..x=1", 1, "a path"), ("header=1", 1, "a name"),
      ("reason:expird", 8, "there are exhausted"),
      ("a or b", 3, "'or' is no operator"), ("a -", 4, "a condition is missing"), ("http://x", 1, "no field 'http'"),
      ("name:a\"b\"", 7, "a space is missing"), ("=x", 1, "a field is missing"),
      ("error~\"\"", 7, "nothing to look for"),
      ("\"\"", 1, "nothing to look for"), ("name:a*,\"b*\"", 9, "in quotes"), ("data.n>many", 8, "no number"),
      (String(repeating: "x", count: 4_001), 1, "at most 4000"),
      (String(repeating: "x ", count: 51), 101, "at most 50"),
    ])
  func wrong(text: String, column: Int, problem: String) {
    do {
      _ = try read(text)
      Issue.record("'\(text)' is no filter")
    } catch {
      #expect(error.column == column, "\(text): \(error)")
      #expect(error.problem.contains(problem), "\(text): \(error)")
    }
  }

  @Test("any text is read or refused; nothing traps") func anyText() {
    var random = SystemRandomNumberGenerator()
    let parts = [
      "name", "data.", "age", ":", "=", "!", "<", ">", "~", "\"", "\\", "-", "*", ",", " ", "1h", "é", "\n", "header.x",
    ]
    for _ in 0..<5_000 {
      let text = (0..<Int.random(in: 0...9, using: &random)).compactMap { _ in parts.randomElement(using: &random) }
        .joined()
      guard let filter = try? read(text) else { continue }
      _ = filter.matches(letter)
      #expect((try? read(filter.text)) == filter, "\(text) → \(filter.text)")
    }
  }

  @Test("an age counts from when it was read") func frozen() throws {
    var later = letter
    later.time = now.addingTimeInterval(-3599)
    #expect(try !read("age>1h").matches(later))
    #expect(try MessageFilter(parsing: "age>1h", now: now.addingTimeInterval(2)).matches(later))
  }

  @Test("a filter looks into bodies that are packed, up to a size, of what waits and of dead letters")
  func packed() async throws {
    func packed(_ text: String) -> Data { Compression.gzip(above: 0).packed(Data(text.utf8)) ?? Data() }
    // Larger than its own header would be, so that it packs.
    let padding = String(repeating: "x", count: 1000)
    let bodies: [(MessageID, Data, String?)] = [
      ("plain", Data(#"{"user":{"id":42}}"#.utf8), nil),
      ("packed", packed(#"{"user":{"id":42},"p":"\#(padding)"}"#), "gzip"),
      (
        "envelope",
        packed(
          #"{"type":"x","timestamp":"2026-11-26T00:00:00Z","data":{"user":{"id":42},"p":"\#(padding)"}}"#), "X-GZip"
      ),
      ("another", packed(#"{"user":{"id":43},"p":"\#(padding)"}"#), "gzip"),
      ("bomb", packed(#"{"user":{"id":42},"p":"\#(String(repeating: "x", count: 17 << 20))"}"#), "gzip"),
      ("broken", Data("no gzip".utf8), "gzip"),
    ]
    let broker = try TestBroker(clock: VirtualClock(now: now))
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: ["mail"]))
      _ = try await broker.publish(
        bodies.map { Publication(Message(id: $0, name: "x", body: $1, contentEncoding: $2), to: .queue("mail")) })
      let operations = Operations(broker)
      func waiting(_ text: String) async throws -> [MessageID?] {
        try await broker.messages(QueuedMessageSelection(filter: operations.filter(text))).messages.map(\.message.id)
      }
      func dead(_ text: String) async throws -> [MessageID?] {
        try await broker.deadLetters(DeadLetterSelection(filter: operations.filter(text))).letters.map(\.message.id)
      }
      let found: [(String, [MessageID?])] = [
        ("data.user.id=42", ["plain", "packed", "envelope"]), ("data.user.id>42", ["another"]),
        (padding, ["packed", "envelope", "another"]),
        ("-data.user.id:4*", ["bomb", "broken"]), ("\"no gzip\"", ["broken"]),
      ]
      for (text, ids) in found { #expect(try await waiting(text) == ids, "\(text.prefix(40))") }
      try await broker.consume("mail", prefetch: 10) { consumer in
        for _ in bodies {
          guard let delivery = await consumer.next() else { return }
          _ = try await broker.settle(delivery, as: .deadLetter(DeadLetterReason(.rejected, "asked"), History()))
        }
      }
      for (text, ids) in found { #expect(try await dead(text) == ids, "\(text.prefix(40))") }
    }
  }

  @Test("a search looks into a bounded number of bodies and says so") func bounds() async throws {
    try await ScriptedBroker.running { broker, operations in
      for number in 1...10 {
        try await broker.add("\(number)", at: Double(number), body: #"{"n":\#(number % 2)}"#)
      }
      func search(_ text: String, limit: Int = .max, looked: Int = 100) async throws -> ([String], SearchReport) {
        var ids: [String] = []
        let selection = DeadLetterSelection(filter: try operations.filter(text), limit: limit)
        let report = try await operations.search(selection, mostLooked: looked) { ids.append($0.id?.rawValue ?? "") }
        return (ids, report)
      }
      let all = try await search("data.n=1")
      #expect(all.0 == ["1", "3", "5", "7", "9"])
      #expect(all.1 == SearchReport(found: 5, looked: 10, total: nil, hasMore: false, isBounded: false))
      let some = try await search("data.n=1", limit: 2)
      #expect(some.0 == ["1", "3"] && some.1.hasMore && !some.1.isBounded)
      let bounded = try await search("data.n=1", looked: 4)
      #expect(bounded.0 == ["1", "3"])
      #expect(bounded.1 == SearchReport(found: 2, looked: 4, total: 10, hasMore: true, isBounded: true))
      #expect(try await search("name:email.* -id:1").1.looked == nil)
      await #expect(throws: BrokerError.self) { _ = try await search("que:x") }
    }
  }

  @Test("what is done by a filter is done to what it finds") func acting() async throws {
    try await ScriptedBroker.running { broker, operations in
      for number in 1...60 { try await broker.add("\(number)", at: Double(number), body: #"{"n":\#(number % 3)}"#) }
      let selection = DeadLetterSelection(filter: try operations.filter("data.n=1"), limit: .max)
      let survey = try await operations.survey(selection)
      #expect(survey.count == 20)
      let report = try await operations.replay(survey)
      #expect(report.done == 20 && report.isComplete)
      #expect(try await broker.left.count == 40)
      #expect(
        try await operations.groups(DeadLetterSelection(filter: try operations.filter("data.n=2"), limit: .max)).read
          == 20)
    }
  }
}
