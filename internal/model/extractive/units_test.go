package extractive

import (
	"testing"

	"compileo/internal/dataset"
)

func TestVerbBase(t *testing.T) {
	tools, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for form, want := range map[string]string{
		"installed": "install", "installing": "install", "controlled": "control", "filled": "fill", "found": "find", "stopped": "stop",
		"creates": "create", "created": "create", "using": "use", "routing": "route", "caches": "cache", "passes": "pass", "process": "process",
		"need": "need", "copies": "copy", "tried": "try", "is": "be", "does": "do", "table's": "", "of": "", "writing": "write", "setting": "set",
	} {
		if got := tools.base(form); got != want {
			t.Errorf("base(%q) = %q, want %q", form, got, want)
		}
	}
}

func TestThirdPerson(t *testing.T) {
	for base, want := range map[string]string{"verify": "verifies", "deploy": "deploys", "push": "pushes", "have": "has", "be": "is", "store": "stores"} {
		if got := thirdPerson(base); got != want {
			t.Errorf("thirdPerson(%q) = %q, want %q", base, got, want)
		}
	}
}

func TestToDo(t *testing.T) {
	tools, err := load()
	if err != nil {
		t.Fatal(err)
	}
	m := &material{tools: tools, english: true, text: "Then run the tests with Docker Compose."}
	for heading, want := range map[string]string{
		"Installing a package": "install a package", "How to add a node": "add a node", "Configure the cluster": "configure the cluster",
		"Running Tests": "run tests", "Configure Docker Compose": "configure Docker Compose", "Set `x` to one": "set `x` to one",
		"Work Directory for Scripts": "", "Routing and path parsing": "", "Get vs Use": "", "Test results": "", "Overview": "",
		"Logging": "", "Release notes": "", "The cluster": "", "Deploy": "",
	} {
		if got := m.toDo(heading); got != want {
			t.Errorf("toDo(%q) = %q, want %q", heading, got, want)
		}
	}
}

func TestSplitRow(t *testing.T) {
	got := splitRow("| `a|b` | c \\| d |  | e |")
	want := []string{"`a|b`", "c \\| d", "", "e"}
	if len(got) != len(want) {
		t.Fatalf("splitRow = %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("cell %d = %q, want %q", i, got[i], want[i])
		}
	}
}

func TestDifficulty(t *testing.T) {
	words := func(n int, w string) (x string) {
		for range n {
			x += w + " "
		}
		return x
	}
	for _, x := range []struct {
		w      weight
		answer string
		want   string
	}{
		{recall, words(10, "word"), dataset.Beginner},
		{apply, words(10, "word"), dataset.Intermediate},
		{reason, words(10, "word"), dataset.Advanced},
		{reason, words(130, "word"), dataset.Expert},
		{recall, words(130, "polymorphism"), dataset.Intermediate},
	} {
		if got := difficulty(x.w, x.answer); got != x.want {
			t.Errorf("difficulty(%d, %d bytes) = %s, want %s", x.w, len(x.answer), got, x.want)
		}
	}
}

func TestEnglish(t *testing.T) {
	for text, want := range map[string]bool{
		"The server reads its settings from a file in the home of the user and writes them back when it ends, so that nothing is lost by a restart of the machine.":            true,
		"Der Server liest seine Einstellungen aus einer Datei im Verzeichnis des Benutzers und schreibt sie zurück, wenn er endet, damit beim Neustart nichts verloren geht.":  false,
		"Le serveur lit ses réglages dans un fichier du dossier de l'utilisateur et les écrit de nouveau quand il finit, pour que rien ne se perde au prochain départ.":        false,
		"El servidor lee sus ajustes de un archivo en la carpeta del usuario y los escribe de nuevo cuando termina, para que nada se pierda al reiniciar la máquina otra vez.": false,
		"Сервер читает настройки из файла.": false,
		"Installs fast.": true,
	} {
		if got := english(chunkOf("", text)); got != want {
			t.Errorf("english(%q) = %v, want %v", text, got, want)
		}
	}
}
