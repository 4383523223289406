import pathlib
import tempfile
import unittest

from checks import commands, layers, metrics, pages, sizes, swift, tables, tasks, words


def kinds(source):
    return [(token.kind, token.text) for token in swift.tokens(source)]


class Tokens(unittest.TestCase):
    def test_comments_texts_and_names_are_told_apart(self):
        self.assertEqual(kinds('let a = "x" // y'), [
            ("name", "let"), ("name", "a"), ("mark", "="), ("text", "x"), ("comment", "// y")])

    def test_code_inside_a_string_is_code(self):
        self.assertEqual(kinds(r'"a \(b("c")) d"'), [
            ("text", "a "), ("name", "b"), ("mark", "("), ("text", "c"), ("mark", ")"), ("mark", ")"), ("text", " d")])

    def test_quotes_of_all_kinds(self):
        self.assertEqual(kinds('""'), [("text", "")])
        self.assertEqual(kinds('"""\n a "b" c\n"""'), [("text", '\n a "b" c\n')])
        self.assertEqual(kinds('#"a "b" \\(c)"#'), [("text", 'a "b" \\(c)')])
        self.assertEqual(kinds(r'"\"" x'), [("text", r'\"'), ("name", "x")])

    def test_comments_nest_and_lines_are_counted(self):
        found = swift.tokens("/* a /* b */ c */\n\nx")
        self.assertEqual([(token.kind, token.line) for token in found], [("comment", 1), ("name", 3)])


class Tables(unittest.TestCase):
    ENGINE = pathlib.Path("/x/Sources/WarrenSQLite")

    def complaints(self, name, text):
        return [line for _, line, _ in tables.check(self.ENGINE, self.ENGINE / name, text)]

    def test_a_table_is_made_where_the_check_of_a_file_finds_it(self):
        self.assertEqual(self.complaints("File/Schema.swift", '"CREATE TABLE a (b)"'), [])
        self.assertEqual(self.complaints("File/AddedTable.swift", '"CREATE TABLE a (b)"'), [])

    def test_and_nowhere_else(self):
        self.assertEqual(self.complaints("Operating/AuditTable.swift", 'x\nrun("CREATE TABLE IF NOT EXISTS a (b)")'), [2])
        self.assertEqual(self.complaints("Schema.swift", '"create  temporary\n table a (b)"'), [1])


class Layers(unittest.TestCase):
    def complaints(self, **sources):
        """Of files named FOLDER_FILE."""
        with tempfile.TemporaryDirectory() as root:
            for name, source in sources.items():
                path = pathlib.Path(root, *name.split("_")).with_suffix(".swift")
                path.parent.mkdir(exist_ok=True)
                path.write_text(source)
            return [text for _, _, text in layers.check(root)]

    def test_one_way_is_fine(self):
        self.assertEqual(self.complaints(Low_A="struct A {}", High_B="struct B { let a: A }"), [])

    def test_a_circle_is_found_with_its_thin_way_first(self):
        found = self.complaints(Low_A="struct A { var b: B?; func f(_: C) {} }", High_B="struct B { let a: A }\nstruct C {}")
        self.assertEqual(found[0], "'High' needs 'Low' for A, and they stand in a circle: High, Low")
        self.assertEqual(len(found), 2)

    def test_a_circle_of_three_is_found(self):
        self.assertEqual(len(self.complaints(One_A="struct A { let b: B }", Two_B="struct B { let c: C }", Three_C="struct C { let a: A }")), 3)

    def test_functions_count(self):
        self.assertEqual(len(self.complaints(One_A="func a() { b() }", Two_B="func b() { a() }")), 2)

    def test_comments_and_texts_do_not(self):
        self.assertEqual(self.complaints(One_A="struct A {} // B", Two_B='struct B { let text = "A" }'), [])

    def test_interpolated_code_does(self):
        self.assertEqual(len(self.complaints(One_A="struct A { let b: B }", Two_B=r'struct B { let text = "\(A())" }')), 2)

    def test_the_root_is_left_aside(self):
        self.assertEqual(self.complaints(A="struct A { let b: B }", Two_B="struct B { let a: A }"), [])

    def test_what_is_private_is_seen_in_its_own_file_only(self):
        self.assertEqual(self.complaints(One_A="struct A { let b: B }\nprivate struct C {}", Two_B="struct B { let c: C }"), [])

    def test_a_nested_type_counts_by_its_outer_name(self):
        nested = "struct A { struct State {} }"
        self.assertEqual(self.complaints(One_A=nested + "\nstruct D { let b: B }", Two_B="struct B { let s: State }"), [])
        self.assertEqual(len(self.complaints(One_A=nested + "\nstruct D { let b: B }", Two_B="struct B { let s: A.State }")), 2)

    def test_a_generic_parameter_is_no_type(self):
        self.assertEqual(self.complaints(One_A="struct A { let b: B<Int> }", Two_B="struct B<A> { let a: A }"), [])

    def test_enum_cases_are_no_types(self):
        self.assertEqual(self.complaints(One_A="struct A { let b: B }", Two_B="enum B { case x }\nlet y = [.A]"), [])


class Words(unittest.TestCase):
    words, exceptions = words.read_list("""
        # a comment
        foo(s|ed)?   => bar
        set apart by => separated by
        except Old*.swift: let foo => the name is prescribed
        """)

    def found(self, text, name="File.swift", exceptions=()):
        return [(line, said.split("'")[1]) for _, line, said in words.check(pathlib.Path(name), name, text, self.words, exceptions)]

    def test_names_are_read_as_words(self):
        self.assertEqual(self.found("let isFooed = 1\nlet HTTPFoo_s, food, buffoo"), [(1, "fooed"), (2, "foo")])

    def test_a_sentence_may_go_over_lines_of_a_comment(self):
        self.assertEqual(self.found("let aBC = 1\n  /// Words set\n  /// apart by commas."), [(2, "set /// apart by")])

    def test_the_name_of_a_file_counts(self):
        self.assertEqual(self.found("", "Foo/File.swift"), [(1, "foo")])

    def test_an_exception_needs_its_file_and_its_piece(self):
        for name, text, count in (("Old1.swift", "let foo", 0), ("Old1.swift", "var foo", 1), ("New.swift", "let foo", 1)):
            self.assertEqual(len(self.found(text, name, self.exceptions)), count, (name, text))
        self.assertTrue(self.exceptions[0].used)

    def test_a_word_without_a_replacement_is_refused(self):
        with self.assertRaisesRegex(ValueError, "line 1 "):
            words.read_list("foo")


class Pages(unittest.TestCase):
    names = pages.Names(
        ["Sources/M/Working/Judge.swift", "docs/a.md"],
        ["struct Judge { func settlement(before date: Date, _ x: Int) {}\n var rank = 1 }", "enum E { case retry(at: Date, Int), other }"])

    def complaints(self, text):
        return [why for _, _, why in pages.check("page", text, self.names)]

    def test_what_is_there(self):
        self.assertEqual(self.complaints("`Working/Judge.swift`, `Working/`, `*.swift`, `Judge.settlement(before:_:)`, `settlement()`, "
                                         "`Judge.rank`, `E.retry(at:)`, `COMMIT`, `FILE-workers/`, `flock`"), [])

    def test_what_is_not(self):
        self.assertEqual(self.complaints("`Judg.swift`\n`Orking/` `Judge.other()` `Missing.rank()` `unknown()` `settlement(after:)` `Judge.size`"), [
            "there is no file `Judg.swift`", "there is no folder `Orking/`", "there is no function `Judge.other()`",
            "there is no type `Missing`", "there is no function `unknown()`", "no `settlement` takes `(after:)`",
            "`Judge` has no member `size`"])

    def test_sources_that_end_in_the_middle_are_read(self):
        for source in ("func", "struct A { func", "func a", "enum E { case a("):
            pages.Names(["a.swift"], [source])

    def test_code_blocks_are_not_looked_at(self):
        self.assertEqual(self.complaints("```\n`Judg.swift`\n```"), [])


class Commands(unittest.TestCase):
    def complaints(self, source):
        return [line for _, line, _ in commands.check("f", source, {"warren", "dead", "queue"})]

    def test_commands_and_options_are_found_in_texts_and_commands_in_comments(self):
        self.assertEqual(self.complaints('"run `warren dead ls`"\n// see warren queue\n"with --queue"'), [1, 2, 3])

    def test_other_words_are_not(self):
        self.assertEqual(self.complaints('"warren deadline" // --queue\n"rabbitmqctl set_policy --apply-to x"\nlet a = b--c'), [])

    def test_a_value_inside_a_command_of_rabbitmq_changes_nothing(self):
        self.assertEqual(self.complaints('"`rabbitmqctl set_policy \\(name) --apply-to x`"\n"\\(name) --apply-to x"'), [2])

    def test_names_come_from_the_sources(self):
        self.assertEqual(commands.command_names(['x(commandName: "dead", y)']), {"dead"})


class Sizes(unittest.TestCase):
    def test_five_hundred_lines_and_no_more(self):
        self.assertEqual(sizes.check(pathlib.Path("a.swift"), "\n" * 500), [])
        self.assertEqual(len(sizes.check(pathlib.Path("a.swift"), "\n" * 501)), 1)
        self.assertEqual(sizes.check(pathlib.Path("a.md"), "\n" * 501), [])
        self.assertEqual(len(sizes.check(pathlib.Path("script"), "#!/bin/sh\n" + "\n" * 501)), 1)


class Metrics(unittest.TestCase):
    def test_names_that_are_not_listed_are_found_and_those_of_a_histogram_are_its_own(self):
        known = metrics.documented("| `warren_handling_seconds` | timer |")
        self.assertEqual(metrics.check("f", "rate(warren_handling_seconds_bucket[5m])", known, "is listed"), [])
        self.assertEqual([line for _, line, _ in metrics.check("f", "a\nwarren_none > 0", known, "is listed")], [2])

    def test_what_is_recorded_is_read_from_the_sources(self):
        self.assertEqual(metrics.recorded(['Gauge(label: "warren_x")', 'count("warren_y_total", 1)']), {"warren_x", "warren_y_total"})


class Tasks(unittest.TestCase):
    def lines(self, source):
        return [line for _, line, _ in tasks.check("f", source)]

    def test_a_task_that_is_not_kept_is_found(self):
        self.assertEqual(self.lines("  Task { await x() }\n_ = Task { }\n  Task.detached {"), [1, 2, 3])

    def test_one_that_is_kept_or_awaited_is_not(self):
        self.assertEqual(self.lines("let t = Task { }\nawait Task { }.value\nall.map { one in Task { } }\nTask.sleep(1)"), [])


if __name__ == "__main__":
    unittest.main()
