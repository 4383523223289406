internal import GRDB
public import Hummingbird
internal import Logging

/// Turns whatever a route throws into a JSON error without any of our insides in it.
public struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
  /// The middleware.
  public init() {}

  /// See `RouterMiddleware`.
  public func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as APIError {
      return error.response
    } catch let error as any HTTPResponseError {
      let status = error.status
      let code = status.reasonPhrase.lowercased().replacing(" ", with: "_")
      let route = "\(request.method) \(request.uri.path.prefix(100))"
      let message = status == .notFound ? "there is no route \(route)" : "\(route): \(status.reasonPhrase)"
      return APIError(status, code, message).response
    } catch let error as DatabaseError {
      context.logger.error("Database failed", metadata: ["error": "\(error.resultCode): \(error.message ?? "")"])
      return APIError(.serviceUnavailable, "unavailable", "the data cannot be reached now: try again").response
    } catch {
      context.logger.error("Request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
      return APIError(.internalServerError, "internal", "this is our mistake, and it is logged").response
    }
  }
}
