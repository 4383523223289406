import Foundation
import Testing
import Warren
import WarrenOperations

@Suite("Masking") struct MaskTests {
  @Test(
    "names of secrets",
    arguments: [
      "password", "newPassword", "PASSWORD", "user_password_2", "passwd", "otp", "otpCode", "code", "verificationCode",
      "accessToken", "refresh_token", "Authorization", "X-Api-Key", "apikey", "client-secret", "clientsecret",
      "Set-Cookie",
      "cookie", "pin", "cvv", "cardNumber", "private_key", "credentials",
    ])
  func hidden(name: String) { #expect(Mask.standard.hides(name)) }

  @Test(
    "harmless names",
    arguments: [
      "id", "title", "email", "statusCode", "country_code", "postalCode", "exit-code", "encoded", "x-user-id", "pinned",
      "hotpot", "decoder", "traceparent", "key", "bookingCode",
    ])
  func shown(name: String) { #expect(!Mask.standard.hides(name)) }

  @Test("JSON: secrets go, however deep, and the rest stays as written") func json() throws {
    let document = try JSONText(
      parsing: #"{"type":"otp.sent","data":{"to":"a@b.c","code":123456,"n":1.10,"tokens":["a","b"],"password":null}}"#)
    #expect(
      Mask.standard.json(document).compact
        == #"{"type":"otp.sent","data":{"to":"a@b.c","code":"***","n":1.10,"tokens":"***","password":null}}"#)
    #expect(Mask.off.json(document) == document)
  }

  @Test(
    "running text",
    arguments: [
      ("your code is 483920.", "your code is ***."), ("password=hunter2&x=1", "password=***&x=1"),
      ("password: hunter2, user: x", "password: ***, user: x"),
      (#"{"token": "abc"} refused"#, #"{"token": "***"} refused"#),
      ("Authorization: Bearer abcdefgh.x", "Authorization: Bearer ***"), ("used Bearer abcdefghij", "used Bearer ***"),
      ("amqp://user:s3cret@host/v", "amqp://user:***@host/v"), ("http://host/path", "http://host/path"),
      ("status code: 50312", "status code: 50312"), ("error code: not found", "error code: not found"),
      ("code: not found", "code: not found"), ("the password is wrong", "the password is ***"),
      ("no book 17", "no book 17"), ("bearer of news", "bearer of news"), ("OTP: 99", "OTP: ***"), ("", ""),
      ("token=", "token="), ("code:", "code:"), ("sms: code 12", "sms: code 12"),
    ])
  func text(text: String, masked: String) { #expect(Mask.standard.text(text) == masked) }

  @Test("headers") func headers() {
    let headers = ["authorization": "Basic abc", "x-user-id": "u1", "note": "password=x"]
    #expect(
      Mask.standard.headers(headers) == ["authorization": "***", "x-user-id": "u1", "note": "password=***"])
  }

  @Test("a dead letter shows no secret anywhere") func letter() throws {
    let failure = Failure(
      time: time(0), attempt: 1, error: "MailError", message: "login with password=S3CRET", worker: "w")
    let letter = DeadLetter.example(
      "1", detail: "MailError: token: S3CRET", failures: [failure], headers: ["authorization": "S3CRET"],
      body: #"{"otp":"S3CRET"}"#)
    let shown = DeadLetterView(letter)
    #expect(shown.body.isMasked)
    #expect(!String(decoding: try JSONEncoder().encode(shown), as: UTF8.self).contains("S3CRET"))
    let open = DeadLetterView(letter, mask: .off)
    #expect(open.body.text == #"{"otp":"S3CRET"}"#)
    #expect(!open.body.isMasked)
  }

  @Test("bodies: JSON, text, bytes, packed") func bodies() {
    func view(_ body: Data, encoding: String? = nil) -> BodyView {
      BodyView(Message(id: nil, name: nil, body: body, contentEncoding: encoding))
    }
    #expect(view(Data(#"{ "a": 1.0 }"#.utf8)).text == #"{ "a": 1.0 }"#)
    #expect(view(Data(#"{ "a": 1.0 }"#.utf8)).pretty == "{\n  \"a\": 1.0\n}")
    #expect(view(Data("hello".utf8)).format == .text)
    #expect(view(Data([0xFF, 0x00])).format == .base64)
    #expect(view(Data("{}".utf8), encoding: "gzip").format == .base64)
  }
}
