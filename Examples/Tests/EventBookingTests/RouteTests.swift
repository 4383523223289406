import Accounts
import EventBookingAppModules
import EventBookingControllers
import EventBookingModules
import EventBookingRoutes
import Foundation
import Hummingbird
import HummingbirdTesting
import Mail
import Testing
import Warren
import WarrenDashboard
import WarrenTesting

@testable import ExampleSupport

@Suite struct RouteTests {
  @Test("every route of the table is there, and those with roles want a token of one of them")
  func access() async throws {
    let stage = try Stage()
    defer { stage.remove() }
    let router = ExampleSystem.router()
    routes(stage).add(to: router.group())
    let application = Application(router: router)
    let roles = ["organizer", "customer", "administrator", "visitor"]
    try await stage.broker.withBroker { _ in
      try await application.test(.router) { client in
        for rule in EventBookingRoutes.access.rules {
          let path = rule.path.replacing("{id}", with: Stage.event)
          func status(_ token: String?) async throws -> Int {
            let headers: HTTPFields = token.map { [.authorization: "Bearer \($0)"] } ?? [:]
            return try await client.execute(uri: path, method: rule.method, headers: headers).status.code
          }
          let anonymous = try await status(nil)
          #expect(rule.roles == nil ? anonymous == 200 || anonymous == 400 : anonymous == 401, "\(rule): \(anonymous)")
          for role in roles {
            let answer = try await status(stage.tokens.make(for: Caller(id: "x", role: role)))
            if let allowed = rule.roles, !allowed.contains(role) {
              #expect(answer == 403, "\(rule) by \(role): \(answer)")
            } else {
              // Past the table: to a rule about the body or about whose event it is.
              #expect([200, 400, 403, 404].contains(answer), "\(rule) by \(role): \(answer)")
            }
          }
        }
      }
    }
  }

  @Test("the dashboard is for the administrator: pages, actions and JSON")
  func dashboard() async throws {
    let stage = try Stage()
    defer { stage.remove() }
    let router = ExampleSystem.router()
    routes(stage).add(to: router.group())
    let application = Application(router: router)
    try await stage.broker.withBroker { broker in
      try await broker.apply(try Modules.topology())
      try await application.test(.router) { client in
        func answer(_ method: HTTPRequest.Method, _ path: String, _ header: String?) async throws -> TestResponse {
          let headers: HTTPFields = header.map { [.authorization: $0] } ?? [:]
          return try await client.execute(uri: "/admin/queues" + path, method: method, headers: headers)
        }
        let paths: [(HTTPRequest.Method, String)] = [
          (.get, ""), (.get, "/dead-letters"), (.get, "/api/v1/overview"), (.post, "/queue/pause"),
          (.post, "/dead-letters/all"), (.get, "/outbox"), (.post, "/outbox/discard"),
        ]
        for (method, path) in paths {
          let nothing = try await answer(method, path, nil)
          #expect(
            nothing.status == .unauthorized && nothing.headers[.wwwAuthenticate]?.hasPrefix("Basic") == true, "\(path)")
          #expect(try await answer(method, path, "Basic b2xnYTp3cm9uZw==").status == .unauthorized, "\(path)")
          for role in ["organizer", "customer", "visitor"] {
            let token = try await stage.tokens.make(for: Caller(id: "x", role: role))
            #expect(try await answer(method, path, "Bearer \(token)").status == .forbidden, "\(path) by \(role)")
          }
        }
        let token = try await stage.tokens.make(for: Caller(id: "administrator", role: "administrator"))
        let page = try await answer(.get, "", "Bearer \(token)")
        #expect(page.status == .ok && String(buffer: page.body).contains("emailQueue"))
        let outbox = try await answer(.get, "/outbox", "Bearer \(token)")
        #expect(outbox.status == .ok && String(buffer: outbox.body).contains("for the relay"))
        #expect(try await answer(.post, "/queue/pause", "Bearer \(token)").status == .unsupportedMediaType)
      }
    }
  }

  @Test("a number that is not whole is an error that names its field")
  func numbers() async throws {
    let stage = try Stage()
    defer { stage.remove() }
    let router = ExampleSystem.router()
    routes(stage).add(to: router.group())
    let token = try await stage.tokens.make(for: Caller(id: "x", role: "customer"))
    try await Application(router: router).test(.router) { client in
      for number in ["1.5", "1e30", "99999999999999999999"] {
        let body = ByteBuffer(string: #"{"eventId":"opera","tickets":\#(number)}"#)
        let answer = try await client.execute(
          uri: "/api/bookings", method: .post, headers: [.authorization: "Bearer \(token)"], body: body)
        #expect(answer.status == .badRequest)
        #expect(String(buffer: answer.body).contains("tickets must be a whole number"), "\(number)")
      }
    }
  }

  private func routes(_ stage: Stage) -> EventBookingRoutes {
    EventBookingRoutes(
      tokens: stage.tokens, auth: AuthController(AccountAppModule(stage.modules)),
      events: EventController(EventAppModule(stage.modules)),
      bookings: BookingController(BookingAppModule(stage.modules)),
      dashboard: Dashboard(stage.broker, .init(challenge: "Basic realm=\"test\""), outbox: stage.modules.outbox))
  }
}
