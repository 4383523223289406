internal import HTTPTypes

/// The headers that keep a page safe: nothing but our own style and script runs, no other site shows it in a frame, and no
/// cache keeps it.
enum Guarding {
  static func headers(nonce: String?) -> HTTPFields {
    let own =
      nonce.map {
        "script-src 'nonce-\($0)'; style-src 'nonce-\($0)'; connect-src 'self'; img-src 'self'; form-action 'self'; "
      } ?? ""
    var headers: HTTPFields = [
      .contentSecurityPolicy: "default-src 'none'; \(own)base-uri 'none'; frame-ancestors 'none'",
      .cacheControl: "no-store",
      .xContentTypeOptions: "nosniff",
    ]
    headers[HTTPField.Name("X-Frame-Options") ?? .allow] = "DENY"
    headers[HTTPField.Name("Referrer-Policy") ?? .allow] = "same-origin"
    headers[HTTPField.Name("Cross-Origin-Opener-Policy") ?? .allow] = "same-origin"
    return headers
  }
}
