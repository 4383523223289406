import Testing
import Warren

@Suite("Schedules in words") struct CronWordsTests {
  @Test(
    "a recurrence is said as people say it",
    arguments: [
      ("* * * * *", "every minute"), ("*/5 * * * *", "every 5 minutes"), ("0 * * * *", "every hour"),
      ("15 * * * *", "every hour at 15 past"), ("0 */2 * * *", "every 2 hours"),
      ("30 */6 * * *", "every 6 hours at 30 past"),
      ("0 6 * * 1-5", "at 06:00 on Monday to Friday"), ("0 6,18 * * *", "at 06:00 and 18:00"),
      ("0,30 9 * * SAT,SUN", "at 09:00 and 09:30 on Saturday and Sunday"),
      ("*/10 8-17 * * 1-5", "every 10 minutes in the hours 8 to 17 on Monday to Friday"),
      ("5 0 1,15 * *", "at 00:05 on the 1st and 15th"), ("0 0 1 1 *", "at 00:00 on the 1st in January"),
      ("@monthly", "at 00:00 on the 1st"), ("@weekly", "at 00:00 on Sunday"),
      ("0 12 13 * 5", "at 12:00 on the 13th and on Friday"),
      ("0 12 */9 * 1", "at 12:00 on the 1st, 10th, 19th and 28th, if that is Monday"),
      ("7,22 3-5 * 6-8 *", "at 03:07, 03:22, 04:07, 04:22, 05:07 and 05:22 in June to August"),
      ("1,7 3-9 * * *", "at 1 and 7 past the hours 3 to 9"), ("1,7 * * * *", "at 1 and 7 past every hour"),
      ("0 0 * * 6-7", "at 00:00 on Saturday and Sunday"), ("0 8 * * 7", "at 08:00 on Sunday"),
    ])
  func words(expression: String, words: String) {
    #expect(Recurrence.cron(expression, in: "UTC").words == words + ", UTC")
  }

  @Test("an interval, and what is wrong") func others() {
    #expect(Recurrence.every(.seconds(300)).words == "every 5 min")
    #expect(Recurrence.cron("61 * * * *").words == "61 * * * * in UTC")
  }
}
