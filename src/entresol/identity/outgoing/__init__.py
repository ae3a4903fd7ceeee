"""How we prove at upstreams for whom we call. One file a mode; none of them ever passes on the token that came in."""
