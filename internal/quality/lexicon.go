package quality

import "strings"

// class is a set of the lists below that hold a word.
type class uint32

const (
	stopWord     class = 1 << iota // carries no content
	negation                       // denies what comes after it
	numeral                        // a number that text writes out: see numberWords
	interrogates                   // opens a question: see questionWords
	auxiliary
	taskWord // opens a task
	pronounWord
	yesNoWord
	timeWord
	countWord
	functionWord
	ending // a function word that questions rightly end in
	article
	commonName // has a capital letter and names nothing
	bareVerb   // comes before a pronoun without naming anything
	deepWord   // asks for more than a fact
	profane
	// Every match of a pattern in phrases.go and gates.go holds a word of its class. They are looked for first: most
	// texts hold none, and the words are there already.
	speechWord
	pointerWord
	beforeWord
	refusalWord
	commandWord
)

// lexicon is the one table of all words that mean something here.
var lexicon = makeLexicon()

func makeLexicon() map[string]class {
	m := make(map[string]class, 800)
	for _, group := range wordLists {
		for s := range strings.FieldsSeq(group.list) {
			m[s] |= group.class
		}
	}
	for s := range numberWords {
		m[s] |= numeral
	}
	for s := range questionWords {
		m[s] |= interrogates
	}
	return m
}

// numberWords are the numbers that text writes out.
var numberWords = map[string]string{
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50",
	"sixty": "60", "ninety": "90", "hundred": "100", "thousand": "1000",
	"first": "1", "second": "2", "third": "3", "once": "1", "twice": "2", "half": "2",
}

var questionWords = map[string]string{
	"when": whenKind, "who": whoKind, "whom": whoKind, "why": whyKind, "how": howKind,
	"what": whatKind, "which": whatKind, "where": whatKind, "whose": whatKind,
}

var wordLists = [...]struct {
	class class
	list  string
}{
	{stopWord, `a an the of to in on for and or is are was were be been being by with as at from that this these those it its
their his her he she him they them you your we our us i my me do does did done can could should would will may might must shall what
which who whom whose when where why how if then than so not no nor but into onto over under about between within while there here
also only any all each more most such other some same own has have had having very just too up out off s t d ll re ve
don doesn didn isn aren wasn weren won couldn shouldn wouldn`},
	{negation, `not no never fail fails failed failing unable nor cannot t none neither nothing don doesn didn isn aren wasn weren won couldn shouldn wouldn`},
	{auxiliary, `is are was were be do does did can could should would will may might must has have had am shall
isn aren wasn weren don doesn didn won couldn shouldn wouldn`},
	{taskWord, `explain describe list name define compare state give identify outline summarize summarise show write discuss
rewrite extract translate convert create provide enumerate contrast classify illustrate demonstrate calculate find tell complete
implement configure generate walk draft propose recommend specify determine interpret analyze analyse set use add`},
	{pronounWord, `it its they their them he him his she her this these those`},
	{yesNoWord, `yes no true false`},
	{timeWord, `when after before once if while until during whenever as at on in by upon since every each always never immediately january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday daily weekly monthly`},
	{countWord, `no none all any unlimited several many few single both every dozen infinite`},
	{functionWord, `the a an and or of to in with for by that which is are was were be as from because if when can will such at on into not
than then while whose this these its their your our may should would could must do does did has have had but so nor between`},
	{ending, `for to in with from by of at on as do does is are have has be into used called between`},
	{article, `the a an its their this that each every`},
	{commonName, `i ok yes no none true false english q a`},
	{bareVerb, `happens happen called mean means following example main purpose difference using use used work works kind type way reason many much`},
	{deepWord, `compare contrast difference differ differs trade consequence consequences implication implications relationship if unless limits limitations instead versus rather affect affects impact analyze analyse`},
	{profane, `fuck fucks fucked fucker fuckers fucking motherfucker motherfuckers shit shits shitty bullshit asshole assholes bitch bitches
cunt cunts bastards dickhead wanker wankers twat slut sluts whore whores nigger niggers faggot faggots retard retarded`},
	{speechWord, `text texts passage passages excerpt excerpts snippet snippets chunk chunks paragraph paragraphs article articles author authors section sections document documents documentation context information`},
	{pointerWord, `above below earlier previously aforementioned preceding previous next current this`},
	{beforeWord, `following given provided shown here documentation`},
	{refusalWord, `ai artificial language sorry unable able cannot can t not no apologize apologise insufficient`},
	{commandWord, `curl wget pip pip3 npm npx yarn brew apt yum dnf docker kubectl sudo rm chmod chown bash sh powershell iwr iex eval ssh scp nc go git make cargo`},
}

func set(list string) map[string]bool {
	m := map[string]bool{}
	for s := range strings.FieldsSeq(list) {
		m[s] = true
	}
	return m
}
