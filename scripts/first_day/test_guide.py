import unittest

from first_day import guide, shop

PAGE = """
`Package.swift`:

```swift
let a = 1
```

A piece of it:

```swift
let b = 2
```
"""


class Reading(unittest.TestCase):
    def test_a_block_behind_a_path_is_a_file_and_others_are_pieces(self):
        self.assertEqual(guide.files(PAGE), {"Package.swift": "let a = 1\n"})
        self.assertNotIn("let a", guide.without_files(PAGE))
        self.assertIn("let b", guide.without_files(PAGE))

    def test_a_file_stands_once_and_inside_the_package(self):
        for page in (PAGE + PAGE, PAGE.replace("Package.swift", "../Package.swift")):
            with self.assertRaises(ValueError):
                guide.files(page)

    def test_each_page_is_a_whole_package(self):
        for page in guide.PAGES:
            found = guide.files(page.read_text())
            self.assertIn(guide.WARREN, found["Package.swift"])
            self.assertTrue(any(path.startswith("Tests/") for path in found))


class Lines(unittest.TestCase):
    def test_what_was_handled_is_read_from_the_log(self):
        log = "2026-01-01T00:00:00Z info shop: message.id=x order=r1-3 [Shop] Packed\nfoo order=r1-4 [Shop] Counted\n"
        self.assertEqual(shop.orders(log, "Packed"), ["r1-3"])

    def test_reasons_are_compared_without_their_time(self):
        line = "2026-01-01T00:00:00+0000 critical shop: [shop_server] The shop ends: no\n"
        self.assertEqual(shop.reason(line), "The shop ends: no")


if __name__ == "__main__":
    unittest.main()
