"""Words: what tokens begin with, and which names and values are no secret."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PREFIXES = _words(
    """
    AKIA ASIA ABIA ACCA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glcbt- glptt- glft-
    glagent- gloas- glsoat- glimt- xoxa- xoxb- xoxc- xoxd- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp-
    sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or- sk-lf- pk-lf- sk_live_ sk_test_ sk_prod_ rk_live_
    rk_test_ rk_prod_ whsec_ hf_ api_org_ gsk_ xai- pplx- r8_ AIza ya29. GOCSPX- 1//0 npm_ pypi-
    dckr_pat_ dckr_oat_ dop_v1_ doo_v1_ dor_v1_ shpat_ shpca_ shppa_ shpss_ SG. hvs. hvb. hvr. dp.pt.
    dp.st. dp.ct. dp.sa. dp.scim. dp.audit. lin_api_ lin_oauth_ figd_ sbp_ sb_secret_ nfp_ tskey-auth-
    tskey-api- tskey-client- tskey- NRAK- NRII- NRJS- NRRA- PMAK- ATATT3 ATCTT3 ATBB sntrys_ sntryu_
    glsa_ glc_ rubygems_ rdme_ pscale_tkn_ pscale_pw_ pscale_oauth_ pul- EZAK EZTK LTAI secret_ ntn_
    cio_ AGE-SECRET-KEY-1 sq0atp- sq0csp- EAAA access_token$production$ live_ xkeysib- xsmtpsib-
    key-live ops_eyJ dapi fo1_ fm1r_ fm2_ HRKU- nvapi- fw_ tvly- e2b_ phc_ phx_ cfut_ cfat_ vcp_ vck_
    rnd_ rpa_ ABSK shippo_live_ shippo_test_ duffel_live_ duffel_test_ CLOJARS_ FLWSECK_TEST- FLWSECK-
    patc- dt0c01. dt0s01. dt0s02. sgp_ tfp_ _gitlab_session PRIVATE-TOKEN- mfa. nsec1 SECRET_ apify_api_
    lsv2_pt_ lsv2_sk_ wdk_ sha256~ v1.0- lk_
    """
)
"""What tokens of known services begin with, for those whose length is not the one that a rule names."""
UNSAFE = _words(
    """
    secret_ SECRET_ live_ ops_ EAAA dapi fw_ lk_ rnd_ cio_ pul- npm_ key-live wdk_ 1//0 mfa. SG. v1.0-
    """
)
"""Prefixes that ordinary words have, too: the rest must be long, with digits and letters of both cases."""
PUBLIC_KEY = _words(
    """
    public primary foreign cache sort partition host dict natural unique index object s3 row idempotency
    dedup incident lock map group order routing registry hot json yaml config setting composite hash
    event message translation i18n lookup search surrogate
    """
)
"""Qualifiers of a key that is no secret: `primary_key`."""
HARMLESS_SUFFIX = _words(
    """
    file files path paths dir name names type types url uri policy policies age length len min max count
    counts used limit limits ttl expiry expires expired in at version versions size algorithm alg format
    status state set changed updated rotated date time days seconds prompt store manager mode required
    enabled disabled field fields scheme bits rotation source service server endpoint hint strength
    budget bucket rate location provider class ref reference usage prefix fingerprint check checks test
    tests valid ok error errors total left remaining timer socket mount target unit owner user users
    host port column index
    """
)
"""Last words of a name that says something of a secret: `password_age`."""
PLAIN_PARTS = _words(
    """
    user username name login email mail host hostname url uri scheme method type kind mode realm status
    result enabled path domain provider issuer scope scopes expires role port id state source client_id
    """
)
"""Names of what is no secret below one that names a secret: `auth: {user: …}`."""
HARMLESS = _words(
    """
    none null nil true false yes no on off ok okay set unset empty missing required optional changed
    unchanged expired expires valid invalid wrong incorrect failed failing failure passed success
    succeeded rotated rotates revoked enabled disabled unknown unavailable absent present hidden masked
    redacted encrypted hashed n/a not a an the is was are were in of for with from must should may can
    cannot could will would to be it its and or undefined read loaded taken fetched refreshed verified
    renewed issued granted sourced copied written cached cleared generated replaced imported exported
    synced kept locked unlocked prompted stdin needs takes expects requires accepts given without if has
    found mismatch mismatched denied accepted rejected refused restarted checked updated created removed
    deleted sent used unused stored reset resets skipped pending done plain login basic digest bearer
    ldap ldaps kerberos gssapi ntlm pam peer trust ident cert saml oauth oauth2 oidc mfa 2fa sso md5
    sha1 sha256 sha512 sha-256 sha-512 bcrypt argon2 argon2id scram scram-sha-256 cram-md5 scram-sha-1
    xoauth2 ssl tls starttls publickey keyboard-interactive password x509 mtls unix socket anonymous
    local internal external session strict lax samesite httponly secure default
    """
)
"""Values that only say something of a secret: "password: changed"."""
DEFINITE = _words(
    """
    password default local internal external session secure basic login socket plain
    """
)
"""Harmless under "auth", but a password of somebody."""
ROOTS = (
    *(f"/{name}/" for name in sorted(_words("etc var run home srv opt usr root tmp dev mnt proc sys"))),
    "~/",
    "./",
    "../",
)
"""Where the paths of files begin."""
