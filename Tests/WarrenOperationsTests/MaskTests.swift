import Foundation
import Testing
import Warren
import WarrenOperations

@Suite("Masking") struct MaskTests {
  @Test(
    "the name of a secret hides its value, however it is written",
    arguments: [
      "password", "newPassword", "PASSWORD", "user_password_2", "passwd", "newpassword", "passwordHash", "pass",
      "dbPass",
      "otp", "otpCode", "OTPCode", "TOTP", "code", "verificationCode", "verification_code", "loginCode", "2faCode",
      "smsCode",
      "accessToken", "refresh_token", "APIToken", "IDToken", "XSRFToken", "tokenValue", "accesstoken", "jwt", "JWT",
      "Authorization", "Proxy-Authorization", "X-Forwarded-Authorization", "X-Api-Key", "APIKey", "apikey",
      "signingKey",
      "client-secret", "clientsecret", "clientSecret2", "Set-Cookie", "cookie", "X-Amz-Security-Token", "X-Vault-Token",
      "pin", "PIN", "pincode", "cvv", "CVV2", "cardNumber", "card_number", "IBAN", "private_key", "credentials",
      "sessionId",
      "sessionID", "secretAnswer", "seedPhrase", "accessTokenV2", "IBANNumber", "bearer", "privateKeyPEM", "totpSeed",
      "storageAccountKey", "signature", "xAmzSignature", "X-Hub-Signature-256", "sig",
      "dbPassWord", "pass_word", "pass_wd", "JSESSIONID", "PHPSESSID", "ASPSESSIONID", "csrf", "X-XSRF", "cardNo",
      "wifiKey", "psk", "mnemonic", "appPass", "TOTPSecretB32", "socialSecurityNumber",
    ])
  func hidden(name: String) { #expect(Mask.standard.hides(name)) }

  @Test(
    "the name of something else hides nothing, though a secret is part of it",
    arguments: [
      "id", "title", "email", "statusCode", "country_code", "postalCode", "exit-code", "encoded", "x-user-id", "pinned",
      "hotpot", "decoder", "traceparent", "key", "bookingCode", "tokenCount", "maxTokens", "tokens", "tokenType",
      "secretary", "secretaryId", "codeName", "sortCode", "promoCode", "cookiePolicy", "passwordLength",
      "passwordPolicy",
      "secretName", "codec", "keyboard", "primaryKey", "routingKey", "compass", "boardingPass", "pinId", "number",
      "orderNumber", "version", "seed", "tokenVersion", "publicKeyPEM", "accountId",
      "signatureAlgorithm", "signatures", "design", "signedAt", "private_key_id",
      "sessionCount", "passRate", "crossword", "orderNo", "keywordPass", "assessId",
    ])
  func shown(name: String) { #expect(!Mask.standard.hides(name)) }

  @Test(
    "JSON: secrets go, however deep, and the rest stays as written",
    arguments: [
      (
        #"{"type":"otp.sent","data":{"to":"a@b.c","code":123456,"n":1.10,"password":null}}"#,
        #"{"type":"otp.sent","data":{"to":"a@b.c","code":"***","n":1.10,"password":null}}"#
      ),
      // A number is a count, a text in the plural a secret.
      (
        #"{"tokens":1234,"usage":{"tokens":{"in":5,"out":7}}}"#, #"{"tokens":1234,"usage":{"tokens":{"in":5,"out":7}}}"#
      ),
      (#"{"tokens":["a","b"],"codes":["12345678"]}"#, #"{"tokens":["***","***"],"codes":["***"]}"#),
      // The object that a field is in is part of its name.
      (#"{"error":{"code":"E1234"},"errors":[{"code":42}]}"#, #"{"error":{"code":"E1234"},"errors":[{"code":42}]}"#),
      (
        #"{"api":{"key":"k"},"card":{"number":"4111"},"session":{"id":"s"},"user":{"id":"u"}}"#,
        #"{"api":{"key":"***"},"card":{"number":"***"},"session":{"id":"***"},"user":{"id":"u"}}"#
      ),
      (#"{"credentials":{"user":"u","file":["a"]},"token":true}"#, #"{"credentials":"***","token":true}"#),
      (#"{"note":"password='two words' sent"}"#, #"{"note":"password='***' sent"}"#),
      // Names beside their values.
      (
        #"{"headers":[{"name":"Authorization","value":"Basic x"},{"name":"Accept","value":"*"}]}"#,
        #"{"headers":[{"name":"Authorization","value":"***"},{"name":"Accept","value":"*"}]}"#
      ),
      (#"[["cookie","sid=x"],["accept","*"]]"#, #"[["cookie","***"],["accept","*"]]"#),
      // The object around it does not change what a pass is.
      (
        #"{"data":{"pass":"x"},"auth":{"user":"a","pass":"x"},"boarding":{"pass":"LH1"}}"#,
        #"{"data":{"pass":"***"},"auth":{"user":"a","pass":"***"},"boarding":{"pass":"LH1"}}"#
      ),
      (#"["/usr/bin/redis-cli","-a","S3cr3t"]"#, #"["/usr/bin/redis-cli","-a","***"]"#),
      (#"["grep","-a","S3cr3t"]"#, #"["grep","-a","S3cr3t"]"#), (#"["mkdir","-p","dir1"]"#, #"["mkdir","-p","dir1"]"#),
      (#"["token","email"]"#, #"["token","email"]"#),
      (
        #"["curl","-u","ada:S3cr3t","--password","two words","-p","80:80","-X","GET"]"#,
        #"["curl","-u","ada:***","--password","***","-p","80:80","-X","GET"]"#
      ),
    ])
  func json(text: String, masked: String) throws {
    let document = try JSONText(parsing: text)
    #expect(Mask.standard.json(document).compact == masked)
    #expect(Mask.off.json(document) == document)
  }

  @Test(
    "running text shows no secret, and reads on",
    arguments: [
      ("your code is 483920.", "your code is ***."), ("password=hunter2&x=1", "password=***&x=1"),
      ("password: hunter2, user: x", "password: ***, user: x"),
      (#"{"token": "abc"} refused"#, #"{"token": "***"} refused"#),
      ("used Bearer abcdefghijklmnop", "used Bearer ***"), ("Basic information", "Basic information"),
      ("status code: 50312", "status code: 50312"), ("error code: not found", "error code: not found"),
      ("error.code=50312", "error.code=50312"), ("sort code: 200052", "sort code: 200052"),
      ("code: not found", "code: not found"), ("the password is wrong", "the password is ***"),
      ("no book 17", "no book 17"), ("bearer of news", "bearer of news"), ("OTP: 99", "OTP: ***"), ("", ""),
      ("token=", "token="), ("code:", "code:"), ("sms: code 12", "sms: code 12"), ("APIToken=abc", "APIToken=***"),
      // Several parts of a header, and quoted values with anything in them.
      ("Authorization: Bearer abcdefgh.x", "Authorization: Bearer ***"),
      ("Authorization: Token S3cr3t", "Authorization: Token ***"),
      ("Authorization: AWS4-HMAC-SHA256 Credential=A/b, Signature=c\nnext", "Authorization: ***\nnext"),
      ("Cookie: sid=abc; theme=dark\nAccept: *", "Cookie: ***\nAccept: *"),
      ("curl -H 'Authorization: Token x y' http://h", "curl -H 'Authorization: Token ***' http://h"),
      (#"password="two words" x"#, #"password="***" x"#), (#"password: 'it''s' x"#, #"password: '***''s' x"#),
      (#"{\"password\": \"two \\\"words\\\" more\"}"#, #"{\"password\": \"***\"}"#),
      (#"{"password": "a\"b c", "n": 1}"#, #"{"password": "***", "n": 1}"#),
      ("invalid password 'x' for ada", "invalid password '***' for ada"),
      ("{password => 'x y'}", "{password => '***'}"),
      // Elements of XML.
      ("<a><password>two words</password><b>x</b></a>", "<a><password>***</password><b>x</b></a>"),
      ("<w:password>x</w:password>", "<w:password>***</w:password>"), ("<password/>", "<password/>"),
      // Options of a command line, and a code right behind its name.
      ("mysql --password hunter2 --user ada", "mysql --password *** --user ada"),
      ("deploy --token --force", "deploy --token --force"), ("OTP 482913 sent", "OTP *** sent"),
      ("status code 50312", "status code 50312"), ("AccountKey=ab+c==;Endpoint=x", "AccountKey=***;Endpoint=x"),
      ("curl -u ada:S3cr3t http://h", "curl -u ada:*** http://h"), ("curl -uada:S3cr3t h", "curl -uada:*** h"),
      ("curl -u ada:123456 h", "curl -u ada:*** h"), ("curl --user 'ada:two words' h", "curl --user 'ada:***' h"),
      ("curl --proxy-user=ada:S3cr3t h", "curl --proxy-user=ada:*** h"),
      ("run(['curl', '-u', 'ada:S3cr3t'])", "run(['curl', '-u', 'ada:***'])"),
      ("run([\"x\", \"--token\", \"abc\"])", "run([\"x\", \"--token\", \"***\"])"),
      ("mysql -u root -p S3cr3t db", "mysql -u root -p *** db"), ("mysql -pS3cr3t db", "mysql -p*** db"),
      ("docker login -u ada -p hunter r", "docker login -u ada -p *** r"),
      ("sshpass -p 'a b' ssh h", "sshpass -p '***' ssh h"),
      (
        "docker run -u 1000:1000 -p 80:80 -p 127.0.0.1:8080:80/tcp x",
        "docker run -u 1000:1000 -p 80:80 -p 127.0.0.1:8080:80/tcp x"
      ),
      (
        "mkdir -p /tmp/x2; cp -p from to; ssh -p 22 h; sort -u x",
        "mkdir -p /tmp/x2; cp -p from to; ssh -p 22 h; sort -u x"
      ),
      ("git push -u origin main; find -print0", "git push -u origin main; find -print0"),
      ("machine h login ada password S3cr3t port 1", "machine h login ada password *** port 1"),
      // An option of one letter, by the program.
      ("redis-cli -h h -a S3cr3t ping", "redis-cli -h h -a *** ping"),
      ("valkey-cli -a 'two words' ping", "valkey-cli -a '***' ping"),
      ("ldapsearch -x -w S3cr3t", "ldapsearch -x -w ***"), ("sqlcmd -U sa -P 'a b'", "sqlcmd -U sa -P '***'"),
      (
        "redis-server; grep -a pattern1 f; ls -a dir1; fold -w 80 f",
        "redis-server; grep -a pattern1 f; ls -a dir1; fold -w 80 f"
      ),
      ("tar -p archive1; mkdir -p dir1; cp -p f1 g", "tar -p archive1; mkdir -p dir1; cp -p f1 g"),
      // Numbers in groups.
      ("verification code: 48 29 13", "verification code: ***"), ("OTP: 482 913.", "OTP: ***."),
      ("the code is 482 913, not more", "the code is ***, not more"), ("use OTP 482 913 now", "use OTP *** now"),
      ("cardNumber: 4111 1111 1111 1111", "cardNumber: ***"), ("IBAN: DE89 3704 0044 0532 0130 00", "IBAN: ***"),
      ("IBAN GB29 NWBK 6016 1331 9268 19 and on", "IBAN *** and on"), ("CVV 123", "CVV ***"),
      ("tokens: 12 34", "tokens: 12 34"), ("OTP: 482913 10 minutes", "OTP: *** 10 minutes"),
      // A phrase has several words.
      ("passphrase: correct horse battery staple", "passphrase: ***"),
      ("seedPhrase = a b c; next", "seedPhrase = ***; next"),
      // Other ways to say what it is.
      ("password -> S3cr3t", "password -> ***"), ("the password was S3cr3t9", "the password was ***"),
      ("the password was wrong", "the password was wrong"), ("Your code:\n\n  482913\nBye", "Your code:\n\n  ***\nBye"),
      ("password:\n  S3cr3t9", "password:\n  ***"), ("token:\n  name: x1\n", "token:\n  name: x1\n"),
      ("secret:\n  key1:\n    a: 1", "secret:\n  key1:\n    a: 1"),
      ("cookies: a=b1; c=d2\nx", "cookies: ***\nx"), ("cookies: 3 set", "cookies: 3 set"),
      (#"<w:Password Type="text">two words</w:Password>"#, #"<w:Password Type="text">***</w:Password>"#),
      (#"<password hint="x"/>, a > b"#, #"<password hint="x"/>, a > b"#),
      // A login before a host without a scheme.
      ("ada:S3cr3t@db:5432 refused", "ada:***@db:5432 refused"),
      ("dsn ada:S3cr3t@tcp(db:3306)/shop", "dsn ada:***@tcp(db:3306)/shop"),
      (
        "nginx:1.25@sha256:0a1b2c3d, mailto:ada@h.org, sip:ada@h:5060",
        "nginx:1.25@sha256:0a1b2c3d, mailto:ada@h.org, sip:ada@h:5060"
      ),
      ("password too short, token invalid", "password too short, token invalid"),
      // Connection strings, whose values end with a semicolon and with nothing else.
      ("Server=db;User Id=sa;Password=a&b,c d;Encrypt=1", "Server=db;User Id=sa;Password=***;Encrypt=1"),
      ("Server=db;Pwd=\"a;b\";x=1", "Server=db;Pwd=\"***\";x=1"),
      ("Endpoint=sb://h/;SharedAccessKey=a+b=", "Endpoint=sb://h/;SharedAccessKey=***"),
      ("jdbc:postgresql://h/db?user=ada&password=S3cr3t&ssl=1", "jdbc:postgresql://h/db?user=ada&password=***&ssl=1"),
      // Signatures and what signs.
      ("https://h/x?X-Amz-Signature=ab12&X-Amz-Date=1", "https://h/x?X-Amz-Signature=***&X-Amz-Date=1"),
      ("https://h/x?sv=1&sig=ab%2Bc%3D&se=1", "https://h/x?sv=1&sig=***&se=1"), ("signature: 3045ab", "signature: ***"),
      ("the signature is missing", "the signature is missing"),
      ("id AKIAIOSFODNN7EXAMPLE used", "id *** used"), ("AWS_SECRET_ACCESS_KEY=a/b+c", "AWS_SECRET_ACCESS_KEY=***"),
      // Lists of headers, cookies without a colon, and a URL within a URL.
      (#"["Authorization: Basic YWRhOng=", "Accept: *"]"#, #"["Authorization: Basic ***", "Accept: *"]"#),
      ("cookie sid=abc; lang=en\nx", "cookie ***\nx"),
      ("to=https%3A%2F%2Fh%3Ftoken%3DS3cr3t%26x%3D1", "to=https%3A%2F%2Fh%3Ftoken%3D***%26x%3D1"),
      ("https://h/#access_token=ab12&state=1", "https://h/#access_token=***&state=1"),
      // A code before its name.
      ("482913 is your BookSpace code", "*** is your BookSpace code"),
      ("G-482913 is your verification code.", "*** is your verification code."),
      ("482913 is your order number", "482913 is your order number"),
      ("482913 is the postal code", "482913 is the postal code"),
      // URLs.
      ("amqp://user:s3cret@host/v", "amqp://user:***@host/v"), ("http://host/path", "http://host/path"),
      ("amqp://user:s/cr?t@host/v", "amqp://user:***@host/v"), ("https://ghtoken@github.com", "https://***@github.com"),
      ("http://host:8080/a?mail=a@b.c", "http://host:8080/a?mail=a@b.c"), ("ssh://git@host/x", "ssh://git@host/x"),
      // What can be nothing else.
      ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here", "got *** here"),
      ("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\nx", "***\nx"),
      ("pushed with ghp_16C7e42F292c6912E7710c838347Ae178B4a", "pushed with ***"),
      ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----", "***"),
      // Words that only look like it.
      ("authorization is required", "authorization is required"), ("the token is expired", "the token is expired"),
      ("tokens: 1234", "tokens: 1234"), ("tokens: abc", "tokens: ***"), ("tokenCount=12", "tokenCount=12"),
      ("secretary: ann", "secretary: ann"), ("codeName=falcon7", "codeName=falcon7"),
      ("cookiePolicy: strict", "cookiePolicy: strict"),
      ("the password=null", "the password=null"), ("Müller's token: ä9", "Müller's token: ***"),
    ])
  func text(text: String, masked: String) { #expect(Mask.standard.text(text) == masked) }

  @Test("headers are hidden by their names and searched otherwise") func headers() {
    let headers = [
      "authorization": "Basic abc", "x-user-id": "u1", "note": "password=x", "x-tokens": "12", "cookies": "a=b",
    ]
    #expect(
      Mask.standard.headers(headers)
        == ["authorization": "***", "x-user-id": "u1", "note": "password=***", "x-tokens": "12", "cookies": "***"])
  }

  @Test("a dead letter shows no secret anywhere") func letter() throws {
    let failure = Failure(
      time: time(0), attempt: 1, error: "MailError", message: "login with password=S3CRET", worker: "w")
    let letter = DeadLetter.example(
      "1", detail: "MailError: token: S3CRET", failures: [failure], headers: ["authorization": "S3CRET"],
      body: #"{"otp":"S3CRET"}"#)
    let shown = DeadLetterView(letter)
    #expect(shown.body?.isMasked == true)
    #expect(!String(decoding: try JSONEncoder().encode(shown), as: UTF8.self).contains("S3CRET"))
    let open = DeadLetterView(letter, mask: .off)
    #expect(open.body?.text == #"{"otp":"S3CRET"}"#)
    #expect(open.body?.isMasked == false)
  }

  @Test("bodies: JSON, text, bytes, packed") func bodies() {
    func view(_ body: Data, encoding: String? = nil) -> BodyView {
      BodyView(Message(id: nil, name: nil, body: body, contentEncoding: encoding))
    }
    #expect(view(Data(#"{ "a": 1.0 }"#.utf8)).text == #"{ "a": 1.0 }"#)
    #expect(view(Data(#"{ "a": 1.0 }"#.utf8)).pretty == "{\n  \"a\": 1.0\n}")
    #expect(view(Data("hello".utf8)).format == .text)
    // What cannot be read cannot be searched for secrets.
    for packed in [view(Data([0xFF, 0x00])), view(Data("{}".utf8), encoding: "gzip")] {
      #expect(packed.format == .base64 && packed.text == "***" && packed.isMasked)
    }
    let open = BodyView(Message(id: nil, name: nil, body: Data([0xFF, 0x00])), mask: .off)
    #expect(open.text == "/wA=" && !open.isMasked)
  }
}
