internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Warren
internal import WarrenOperations

/// Puts the table of routes into a router: lets people in, keeps forged requests out, turns answers into responses.
struct Mount: Sendable {
  let desk: Desk
  /// As links have it.
  let prefix: String
  let logger: Logger
  let streams = StreamLimit(most: 200)
  /// How large a form may be: an edited body, encoded.
  private static let formLimit = 16 << 20

  init(desk: Desk, prefix: String, logger: Logger) {
    self.desk = desk
    let trimmed = prefix.split(separator: "/").joined(separator: "/")
    self.prefix = trimmed.isEmpty ? "" : "/" + trimmed
    self.logger = logger
  }

  func add<Context: RequestContext>(
    to router: some RouterMethods<Context>, at place: String,
    _ authorize: @escaping @Sendable (Request, Context) async throws -> Dashboard.Admission
  ) {
    let group = router.group(RouterPath(place))
    for route in RouteTable.routes {
      group.on(RouterPath(route.path), method: route.method) { request, context -> Response in
        switch try await authorize(request, context) {
        case .unknown: return unknown(route)
        case .refused:
          return Response.plain(.forbidden, "You are known, and may not see this.", Guarding.headers(nonce: nil))
        case .admitted(let visitor): return await respond(to: request, route, visitor)
        }
      }
    }
  }

  private func unknown(_ route: Route) -> Response {
    var headers = Guarding.headers(nonce: nil)
    if let challenge = desk.configuration.challenge { headers[.wwwAuthenticate] = challenge }
    return .plain(.unauthorized, "Please log in first.", headers)
  }

  private func respond(to request: Request, _ route: Route, _ visitor: Dashboard.Visitor) async -> Response {
    var request = request
    let known = request.cookies[Forgery.cookie]?.value
    let isKnown = known.map(Forgery.isToken) == true
    let token = isKnown ? known ?? "" : Forgery.random()
    var call = Call(
      desk: desk, visitor: visitor, prefix: prefix, path: route.path, fields: FormFields(request.uri.query ?? ""),
      token: token, nonce: Forgery.random(), now: desk.now)
    let answer: Answer
    do {
      if route.method != .get {
        // Before the form is read, so that no other site can make it be read.
        if let complaint = Forgery.complaint(request.headers, host: request.head.authority) {
          throw Refusal(.forbidden, complaint)
        }
        call.form = try await form(&request, isAPI: route.isAPI)
        // No other site can make a browser send JSON without asking first, so that needs no token.
        guard route.isAPI || Forgery.matches(call.form[Forgery.field], known) else {
          throw Refusal(
            .forbidden, "this form is too old, or cookies are off: nothing was done. Open the page again and repeat it")
        }
      }
      guard visitor.role >= route.action.least else {
        throw Refusal(.forbidden, "\(visitor.name) (\(visitor.role.rawValue)) may not do this: \(route.action)")
      }
      let given = try await route.answer(call)
      answer = route.isAPI ? API.answer(given) : given
    } catch {
      let refusal = refusal(error, route)
      answer = route.isAPI ? API.answer(refusal) : .page(ErrorPage.page(refusal, call))
    }
    var response = await response(answer, call)
    if !isKnown, !route.isAPI {
      let path = prefix.isEmpty ? "/" : prefix
      response.headers[values: .setCookie].append("\(Forgery.cookie)=\(token); Path=\(path); HttpOnly; SameSite=Strict")
    }
    return response
  }

  private func form(_ request: inout Request, isAPI: Bool) async throws -> FormFields {
    let type = isAPI ? "application/json" : "application/x-www-form-urlencoded"
    guard request.headers[.contentType]?.lowercased().hasPrefix(type) == true else {
      throw Refusal(.unsupportedMediaType, "the body must be \(type), and the header Content-Type say so")
    }
    do {
      let text = String(buffer: try await request.collectBody(upTo: Self.formLimit))
      return isAPI ? try API.form(text) : FormFields(text)
    } catch let error as any HTTPResponseError {
      throw Refusal(error.status, "the form is too large: at most \(Self.formLimit) bytes")
    }
  }

  private func refusal(_ error: any Error, _ route: Route) -> Refusal {
    if let refusal = error as? Refusal { return refusal }
    if let error = error as? BrokerError { return Refusal(error) }
    logger.error("Dashboard page failed", metadata: ["path": "\(route.path)", "error": "\(error)"])
    return Refusal(.internalServerError, "this is our mistake, and it is logged")
  }

  private func response(_ answer: Answer, _ call: Call) async -> Response {
    var headers = Guarding.headers(nonce: call.nonce)
    switch answer {
    case .page(let page):
      let frame = Frame(
        call: call, page: page, deadLetters: await desk.sampler.deadLetters,
        engine: desk.operations.broker.capabilities.engine)
      headers[.contentType] = "text/html; charset=utf-8"
      return Response(
        status: page.status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: frame.document)))
    case .see(let link):
      headers[.location] = link.text
      return Response(status: .seeOther, headers: headers)
    case .json(let data, let status):
      headers[.contentType] = "application/json; charset=utf-8"
      return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: data)))
    case .asset(let bytes, let type):
      headers[.contentType] = type
      headers[.cacheControl] = "public, max-age=31536000, immutable"
      return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    case .stream(let page):
      guard streams.enter() else {
        return .plain(.serviceUnavailable, "Too many pages are open: this one is not kept up to date.", headers)
      }
      headers[.contentType] = "text/event-stream"
      return Response(status: .ok, headers: headers, body: LiveStream(page: page, limit: streams, logger: logger).body)
    }
  }
}

extension Response {
  static func plain(_ status: HTTPResponse.Status, _ text: String, _ headers: HTTPFields) -> Response {
    var headers = headers
    headers[.contentType] = "text/plain; charset=utf-8"
    return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
  }
}
