import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("Who may do what") struct AccessTests {
  private static let posts = RouteTable.routes.filter { $0.method == .post && !$0.isAPI }
  /// What each action needs to be understood; what is not here is refused before it is read, or the test fails.
  static let forms: [String: [(String, String)]] = [
    "queue/pause": [("name", "mail")], "queue/resume": [("name", "mail")],
    "queue/purge": [("name", "mail"), ("typed", "mail")],
    "dead-letters/all": [("do", "delete"), ("count", "1"), ("until", "99999999999999")],
    "dead-letters/selected": [("do", "delete"), ("sure", "yes"), ("pick", "queue=mail.dlq&id=m1")],
    "dead-letters/restore": [("pick", "@1")],
    "dead-letter/reveal": [("id", "m1"), ("queue", "mail.dlq")],
    "dead-letter/replay": [("id", "m1"), ("queue", "mail.dlq")],
    "dead-letter/edit": [("id", "m1"), ("queue", "mail.dlq"), ("step", "publish"), ("body", "{}")],
    "worker/cancel": [("id", "m1"), ("queue", "mail")], "operation/cancel": [("id", "op")],
    "operation/resume": [("id", "op")], "message/reveal": [("id", "m1"), ("queue", "mail")],
    "queue/job": [("name", "mail"), ("job", "email.send"), ("data", "{}")],
    "message/run": [("id", "m1"), ("queue", "mail")], "message/delete": [("id", "m1"), ("queue", "mail")],
    "schedule/pause": [("name", "a/b")], "schedule/resume": [("name", "a/b")], "schedule/run": [("name", "a/b")],
    "failure/mark": [("group", "none"), ("as", "resolved")],
    "outbox/retry": [("all", "yes")], "outbox/discard": [("id", "o1")],
  ]

  @Test("a page is for those who are let in: 401 with a challenge, 403, 200", arguments: RouteTable.routes)
  func doors(route: Route) async throws {
    try await Stage.run { stage in
      let isGet = route.method == .get
      let unknown = isGet ? try await stage.get(route.path, as: nil) : try await stage.post(route.path, [], as: nil)
      #expect(unknown.status == .unauthorized && unknown.headers[.wwwAuthenticate] == "Basic")
      let refused =
        isGet ? try await stage.get(route.path, as: "stranger") : try await stage.post(route.path, [], as: "stranger")
      #expect(refused.status == .forbidden)
    }
  }

  @Test("every action by every role: those that may not are refused, and nothing is changed", arguments: posts)
  func roles(route: Route) async throws {
    let form = try #require(Self.forms[route.path], "a new action needs its form here")
    for role in Dashboard.Role.allCases {
      try await Stage.run { stage in
        try await stage.park(["m1"])
        let before = try await stage.broker.queues()
        let answer = try await stage.post(route.path, form, as: role.rawValue)
        // Deleting shares its address with replaying.
        let least = form.contains { $0.1 == "delete" } ? .admin : route.action.least
        if role < least {
          #expect(answer.status == .forbidden, "\(route.path) as \(role)")
          #expect(try await stage.broker.queues() == before, "\(route.path) as \(role)")
        } else {
          #expect([.seeOther, .ok, .notFound].contains(answer.status), "\(route.path) as \(role): \(answer.status)")
        }
      }
    }
  }

  @Test("no action is done for another site, without the token, or with another one", arguments: posts)
  func forged(route: Route) async throws {
    let form = try #require(Self.forms[route.path])
    try await Stage.run { stage in
      try await stage.park(["m1"])
      let before = try await stage.broker.queues()
      let other = String(repeating: "f", count: 32)
      let answers = [
        try await stage.post(route.path, form, site: "cross-site"),
        try await stage.post(route.path, form, site: "same-site"),
        try await stage.post(route.path, form, site: nil, origin: "https://evil.example"),
        try await stage.post(route.path, form, token: nil), try await stage.post(route.path, form, token: other),
        try await stage.post(route.path, form, cookie: nil),
        try await stage.post(route.path, form, token: "", cookie: ""),
        try await stage.post(route.path, form, site: nil, token: nil, cookie: nil),
      ]
      #expect(answers.allSatisfy { $0.status == .forbidden }, "\(route.path): \(answers.map(\.status.code))")
      #expect(try await stage.broker.queues() == before)
    }
  }

  @Test("the same actions for programs: JSON only, by role, and never for another site")
  func programs() async throws {
    let posts = RouteTable.routes.filter { $0.method == .post && $0.isAPI }
    #expect(posts.count == Self.forms.count - 2)
    for route in posts {
      let form = try #require(Self.forms[String(route.path.dropFirst("api/v1/".count))])
      try await Stage.run { stage in
        try await stage.park(["m1"])
        let before = try await stage.broker.queues()
        let least: Dashboard.Role = form.contains { $0.1 == "delete" } ? .admin : route.action.least
        #expect(try await stage.post(route.path, form).status == .unsupportedMediaType)
        #expect(try await stage.json(route.path, form, site: "cross-site").status == .forbidden)
        #expect(try await stage.json(route.path, form, as: nil).status == .unauthorized)
        for role in Dashboard.Role.allCases where role < least {
          #expect(try await stage.json(route.path, form, as: role.rawValue).status == .forbidden)
        }
        #expect(try await stage.broker.queues() == before, "\(route.path)")
        let answer = try await stage.json(route.path, form)
        #expect(
          [.ok, .notFound].contains(answer.status), "\(route.path): \(answer.status) \(String(buffer: answer.body))")
      }
    }
  }

  @Test("no page that is only looked at changes anything") func reading() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1"])
      let before = try await stage.broker.queues()
      for route in RouteTable.routes where route.method == .get && route.path != "stream" {
        _ = try await stage.get("\(route.path)?name=mail&id=m1&queue=mail.dlq&do=delete&count=1&typed=mail&sure=yes")
      }
      #expect(try await stage.broker.queues() == before)
    }
  }

  @Test("a rule of the application limits a role to some queues") func rule() async throws {
    try await Stage.run(rule: { _, queue in queue == nil || queue == "audit" || queue == "audit.dlq" }) { stage in
      try await stage.park(["m1"])
      #expect(try await stage.post("queue/pause", [("name", "mail")]).status == .forbidden)
      #expect(try await stage.post("queue/pause", [("name", "audit")]).status == .seeOther)
      #expect(try await stage.get("queue?name=mail").status == .forbidden)
      let list = try await stage.page("queues")
      #expect(list.contains(">audit</a>") && !list.contains(">mail</a>"))
      #expect(try await stage.get("dead-letters?queue=mail.dlq").status == .forbidden)
    }
  }

  @Test("who may see some queues learns nothing of the others, and changes nothing in them, when no queue is named")
  func limited() async throws {
    try await Stage.run(rule: { _, queue in queue == nil || queue == "audit" || queue == "audit.dlq" }) { stage in
      try await stage.park(["m1"], body: #"{"secretive":"payload-text"}"#)
      let before = try await stage.broker.queues()
      let survey = Date(timeIntervalSinceNow: 3600).wholeMilliseconds
      for (path, form) in [
        ("dead-letter/reveal", [("id", "m1")]), ("message/reveal", [("id", "m1")]),
        ("dead-letter/edit", [("id", "m1")]),
        ("dead-letter/replay", [("id", "m1")]),
        ("dead-letters/all", [("do", "replay"), ("count", "1"), ("until", "\(survey)")]),
        ("dead-letters/all", [("do", "delete"), ("count", "1"), ("until", "\(survey)")]),
        ("dead-letters/selected", [("do", "replay"), ("pick", Pick(id: "m1", queue: "mail.dlq").text)]),
      ] {
        let answer = try await stage.post(path, form)
        #expect([.forbidden, .badRequest].contains(answer.status), "\(path) \(form): \(answer.status)")
        #expect(!String(buffer: answer.body).contains("payload-text"), "\(path)")
      }
      #expect(try await stage.broker.queues() == before)
      // The description of the API has examples of its own.
      for route in RouteTable.routes
      where route.method == .get && route.path != "stream" && !route.path.hasSuffix("openapi.json") {
        let answer = try await stage.get("\(route.path)?id=m1&do=delete")
        let text = String(buffer: answer.body)
        let place = text.firstRange(of: /payload-text|\bmail\b/)?.lowerBound
        #expect(place == nil, "\(route.path): \(answer.status) …\(place.map { text[$0...].prefix(80) } ?? "")")
      }
      for path in ["dead-letters", "dead-letters/all?do=delete", "failures", "api/v1/dead-letters/count"] {
        let search = path.contains("?") ? "&q=data.secretive%3Dpayload-text" : "?q=data.secretive%3Dpayload-text"
        #expect(try await stage.get(path + search).status == .forbidden, "\(path)")
      }
    }
  }

  @Test("an observer sees what happened, and neither body nor headers") func observer() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1"], body: #"{"secretive":"payload-text"}"#, headers: ["x-mine": "header-text"])
      let page = try await stage.page("dead-letter?id=m1&queue=mail.dlq", as: "observer")
      #expect(page.contains("refused by mx1") && !page.contains("payload-text") && !page.contains("header-text"))
      let viewer = try await stage.page("dead-letter?id=m1&queue=mail.dlq", as: "viewer")
      #expect(viewer.contains("payload-text") && viewer.contains("header-text"))
    }
  }

  @Test("every answer forbids frames, caches and what is not ours") func headers() async throws {
    try await Stage.run { stage in
      for (path, role) in [("", "admin"), ("dead-letter?id=none", "admin"), ("", "stranger")] {
        let headers = try await stage.get(path, as: role).headers
        let policy = headers[.contentSecurityPolicy] ?? ""
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe") && headers[.cacheControl] == "no-store")
      }
      let page = try await stage.get("")
      let nonces = String(buffer: page.body).matches(of: /nonce="([0-9a-f]+)"/).map { String($0.1) }
      #expect(nonces.count == 2 && page.headers[.contentSecurityPolicy]?.contains("'nonce-\(nonces[0])'") == true)
      let next = try await stage.get("").headers[.contentSecurityPolicy]
      #expect(next != page.headers[.contentSecurityPolicy], "a nonce is used once")
    }
  }
}
